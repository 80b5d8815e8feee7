import { counted, listed } from './format.ts';
import { quantity, type Prose } from './page/content.ts';
import type { Trials } from './trials.ts';

const LOST = {
  diverged: () => 'diverged',
  failed: () => 'failed',
  blocked: (ended: boolean, count: number) => {
    if (ended) return 'could not run without one of these';
    return count === 1 ? 'waits for others' : 'wait for others';
  },
  open: () => 'not run yet',
} as const;

/** How many trials have no complete result, and why; nothing where all have one. */
export function lostFinding({ all }: Trials): readonly Prose[] {
  const of = (state: keyof typeof LOST) => all.filter((trial) => trial.state === state);
  const ended = of('diverged').length + of('failed').length > 0;
  const counts = (['diverged', 'failed', 'blocked', 'open'] as const).flatMap((state) => {
    const trials = of(state);
    return trials.length === 0
      ? []
      : [{ trials, text: `${trials.length} ${LOST[state](ended, trials.length)}` }];
  });
  if (counts.length === 0) return [];
  const some = all.some(({ state }) => state === 'complete');
  return [
    [
      `Of ${counted(all.length, 'trial')}, `,
      quantity(
        listed(counts.map(({ text }) => text)),
        counts.flatMap(({ trials }) => trials),
        'trials without a complete result',
      ),
      some ? '. Means are of the seeds that remain; every n says how many those are.' : '.',
    ],
  ];
}
