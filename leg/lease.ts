import type { AgedLease } from './ports.ts';

/** A lease that has not been renewed for so many of its intervals has lost its process. */
const INTERVALS = 3;

/** Whether the process of a lease runs, as far as the store knows. */
export function isLive({ lease, ageSeconds }: AgedLease): boolean {
  return lease.ended === undefined && ageSeconds < INTERVALS * lease.intervalSeconds;
}
