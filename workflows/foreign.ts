import { sleep } from '@temporalio/workflow';
import type { TrialEnd } from '../activities/contract.ts';
import { batchesOf } from './find.ts';
import { lookAtTrials } from './proxies.ts';

/** Trials in one call of `lookAtTrials`. */
const LOOK_BATCH = 200;
const FIRST_SECONDS = 1;
const LONGEST_SECONDS = 30;
const GROWTH = 1.5;

/** Trials that another study runs and this one waits for. */
export type ForeignTrials = {
  /** Resolves with the end of a trial; `released` when the study waits no longer. */
  wait(workflowId: string): Promise<TrialEnd | { readonly status: 'released' }>;
  /** Lets go of all trials: the next run of the study waits for them anew. */
  release(): void;
  count(): number;
};

type Waiter = {
  readonly resolve: (end: TrialEnd | { readonly status: 'released' }) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Watches trials of other studies: one timer and one short activity for all of them, so that waiting
 * holds no slot of a worker.
 */
export function watchForeign(): ForeignTrials {
  const waiting = new Map<string, Waiter>();
  let isWatching = false;
  const watch = async (): Promise<void> => {
    isWatching = true;
    try {
      await watchAll(waiting);
    } catch (error) {
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    } finally {
      isWatching = false;
    }
  };
  return {
    wait: (workflowId) =>
      new Promise((resolve, reject) => {
        waiting.set(workflowId, { resolve, reject });
        if (!isWatching) void watch();
      }),
    release() {
      for (const { resolve } of waiting.values()) resolve({ status: 'released' });
      waiting.clear();
    },
    count: () => waiting.size,
  };
}

/** Looks at all trials, less and less often, until none is waited for. */
async function watchAll(waiting: Map<string, Waiter>): Promise<void> {
  let seconds = FIRST_SECONDS;
  while (waiting.size > 0) {
    await sleep(seconds * 1000);
    for (const ids of batchesOf([...waiting.keys()], LOOK_BATCH)) {
      const ends = await lookAtTrials(ids);
      ids.forEach((id, i) => settle(waiting, id, ends[i]));
    }
    seconds = Math.min(LONGEST_SECONDS, seconds * GROWTH);
  }
}

function settle(waiting: Map<string, Waiter>, id: string, end: TrialEnd | undefined): void {
  if (end === undefined || end.status === 'running') return;
  waiting.get(id)?.resolve(end);
  waiting.delete(id);
}
