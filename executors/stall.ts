import type { Progress } from '../leg/result.ts';

/** A leg is stalled after this many times its usual step without a word … */
const STEPS = 10;

/** Watches how long a leg has made no progress. Times in milliseconds of a monotonic clock. */
export type StallWatch = {
  heard(progress: Progress, now: number): void;
  isStalled(now: number): boolean;
};

/** … but never before `minMilliseconds`: loading and the first step take their time. */
export function createStallWatch(started: number, minMilliseconds: number): StallWatch {
  let last = started;
  let position: Progress | undefined;
  let stepMilliseconds = 0;
  return {
    heard: (progress, now) => {
      const steps = position === undefined ? 0 : stepsBetween(position, progress);
      if (position !== undefined && steps === 0) return;
      if (steps > 0) stepMilliseconds = Math.max(stepMilliseconds, (now - last) / steps);
      position = progress;
      last = now;
    },
    isStalled: (now) => now - last > Math.max(minMilliseconds, STEPS * stepMilliseconds),
  };
}

function stepsBetween(from: Progress, to: Progress): number {
  const total = (progress: Progress): number => progress.epoch * progress.steps + progress.step;
  return Math.max(0, total(to) - total(from));
}
