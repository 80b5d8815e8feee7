import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Of a second, as /proc counts. */
const TICK_SECONDS = 0.01;
/** Fields of `cpu` in /proc/stat that are not work: idle, iowait, and guests, counted twice. */
const IDLE = [3, 4, 8, 9];

/** CPU seconds that all of the machine has worked, or was kept from working by its host. */
export function busySeconds(stat: string): number {
  const [, ...fields] = (/^cpu .*$/m.exec(stat)?.[0] ?? '').split(/\s+/);
  const work = fields.filter((_, index) => !IDLE.includes(index));
  return work.reduce((sum, ticks) => sum + Number(ticks), 0) * TICK_SECONDS;
}

/** CPU seconds of one process. The second field, its name, may hold blanks: count from its end. */
export function processSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_SECONDS;
}

/** Reads the clocks of the machine and of some of its processes. */
export type Clocks = { readonly busy: number; readonly own: number; readonly elapsed: number };

export function readClocks(pids: readonly number[]): Clocks {
  const own = pids.map((pid) => processSeconds(readFileSync(`/proc/${pid}/stat`, 'utf8')));
  return {
    busy: busySeconds(readFileSync('/proc/stat', 'utf8')),
    own: own.reduce((sum, seconds) => sum + seconds, 0),
    elapsed: performance.now() / 1000,
  };
}

/** Share of the machine's CPUs that others had between two readings, in [0, 1]. */
export function othersShare(
  before: Clocks,
  after: Clocks,
  processors = availableParallelism(),
): number {
  const others = after.busy - before.busy - (after.own - before.own);
  return Math.max(0, others) / ((after.elapsed - before.elapsed) * processors);
}

/** Positions of the `wanted` smallest shares, in order of time. */
export function quietest(shares: readonly number[], wanted: number): number[] {
  const ranked = [...shares.keys()].toSorted((a, b) => (shares[a] ?? 0) - (shares[b] ?? 0));
  return ranked.slice(0, wanted).toSorted((a, b) => a - b);
}
