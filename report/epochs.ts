import type { EpochRecord } from '../leg/records.ts';

/** What a report draws of an epoch of a log; the rest of the log is not held in memory. */
export type DrawnEpoch = Pick<EpochRecord, 'epoch' | 'gates'> & {
  readonly test: Pick<EpochRecord['test'], 'top1'>;
};

/** More points than these cannot be told apart in a panel. */
const MOST_POINTS = 120;

/** The epochs of a log that are drawn: all of a short one, else evenly spread, first and last included. */
export function drawnEpochs(log: readonly EpochRecord[]): readonly DrawnEpoch[] {
  const count = Math.min(log.length, MOST_POINTS);
  return Array.from({ length: count }, (_, i) =>
    count < 2 ? 0 : Math.round((i * (log.length - 1)) / (count - 1)),
  ).flatMap((at) => {
    const record = log[at];
    if (record === undefined) return [];
    const { epoch, test, gates } = record;
    return [{ epoch, test: { top1: test.top1 }, ...(gates === undefined ? {} : { gates }) }];
  });
}
