/** Reads for how long the process of a launch has held its device. */
export type DeviceClock = {
  seconds(): number;
  isRunning(): boolean;
  /** The process has ended. */
  stop(): void;
};

/** Starts a clock that stands at what earlier processes of the same launch have used. */
export function startDeviceClock(earlierSeconds: number): DeviceClock {
  const from = performance.now();
  let to: number | undefined;
  return {
    seconds: () => earlierSeconds + ((to ?? performance.now()) - from) / 1000,
    isRunning: () => to === undefined,
    stop: () => {
      to ??= performance.now();
    },
  };
}
