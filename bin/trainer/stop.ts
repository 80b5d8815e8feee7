/**
 * Hears that the leg is to stop: SIGTERM, SIGINT, or the channel to the parent closing (it has died).
 * Installed before TensorFlow is loaded, so that no signal ends the process in between.
 */
export function listenForStop(process: NodeJS.Process): () => boolean {
  let stop = false;
  const hear = (): void => {
    stop = true;
  };
  process.on('SIGTERM', hear);
  process.on('SIGINT', hear);
  process.on('disconnect', hear);
  return () => stop;
}
