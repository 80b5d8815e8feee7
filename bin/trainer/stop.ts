/**
 * Notes that the leg is to stop: SIGTERM, SIGINT, or a closed channel to the parent (it has died).
 * Installed before TensorFlow is loaded, so that no signal ends the process in between.
 */
export function listenForStop(process: NodeJS.Process): () => boolean {
  let stop = false;
  const note = (): void => {
    stop = true;
  };
  process.on('SIGTERM', note);
  process.on('SIGINT', note);
  process.on('disconnect', note);
  return () => stop;
}
