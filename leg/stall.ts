import { isLive } from './lease.ts';
import type { AgedLease } from './ports.ts';
import type { Progress } from './result.ts';

/** A leg is stalled after this many times its longest step without getting further … */
const STEPS = 10;
/** … but never before this: loading and the first step take their time. */
export const STALL_SECONDS = 300;

/** What the one who judges knows of the leg beside its lease. */
export type Watched = {
  /** How long its process has run, if that is known; without any lease it is all that there is. */
  readonly runningSeconds: number;
  /** How long the store has answered without a break, as the one who judges has seen it. */
  readonly storeSeconds: number;
  /** Least time without progress. */
  readonly minSeconds?: number;
};

/**
 * Whether a leg makes no progress any more. Pure. Its lease has two times of one clock, that of its process:
 * when it was written and when the leg last got further; its age is by the clock of the store. So a
 * worker that adopts a leg judges it as the one that started it does.
 *
 * A lease that is no longer renewed counts as well, since a process that hangs renews none; but not right
 * after an outage of the store, when its process may be about to.
 */
export function isStalled(
  aged: AgedLease | undefined,
  { runningSeconds, storeSeconds, minSeconds = STALL_SECONDS }: Watched,
): boolean {
  if (aged === undefined) return storeSeconds > minSeconds && runningSeconds > minSeconds;
  const { lease, ageSeconds } = aged;
  if (lease.ended !== undefined) return false;
  if (!isLive(aged) && storeSeconds < 2 * lease.intervalSeconds) return false;
  const quietSeconds = (Date.parse(lease.at) - Date.parse(lease.advancedAt)) / 1000 + ageSeconds;
  return quietSeconds > Math.max(minSeconds, STEPS * (lease.stepSeconds ?? 0));
}

/** Steps from one position to a later one; 0 where it is not later. */
export function stepsBetween(from: Progress, to: Progress): number {
  const total = ({ epoch, steps, step }: Progress): number => epoch * steps + step;
  return Math.max(0, total(to) - total(from));
}
