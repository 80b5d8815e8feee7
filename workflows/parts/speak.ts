import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  log,
  workflowInfo,
} from '@temporalio/workflow';
import { usedSeconds } from '../device-account.ts';
import type { Entry, StudyRun } from '../state.ts';
import { partSignal, type PartInput } from './messages.ts';
import { ownRunning } from './slots.ts';
import { packEntries, type PartWord, type PlacedFailure } from './word.ts';

/** Slots that nothing needs any more are given back together: a word for each would fill the history. */
const RETURNED_TOGETHER = 16;
const GATHERED_MILLISECONDS = 5000;
/** Of its device time that a part uses before it says so. */
const DEVICE_SHARE = 0.02;
/** Failures that are told with their message; of the others the code is told, so that a word stays small. */
const REASONS = 3;

/** What a part and its study say about slots and trials. */
export type Speaker = {
  /** The study lends more slots. */
  lend(slots: number): void;
  /** The study wants slots back. */
  reclaim(slots: number): void;
  /** Says all that has not been said, and nothing more. */
  close(): Promise<void>;
};

/**
 * Tells the study of a part whenever there is something to say: slots that it can spare or wants, and
 * where its trials stand.
 *
 * @param own the trials of the part, in the order that its study knows
 */
export function createSpeaker(run: StudyRun, own: readonly Entry[], input: PartInput): Speaker {
  let isClosed = false;
  let owed = 0;
  let toldChanges = 0;
  let asked = 0;
  let toldSeconds = 0;
  let toldPause: string | undefined;
  let reasons = 0;
  const toldFailures = new Map<Entry, unknown>();
  const usedNow = (): number => (run.device === undefined ? 0 : usedSeconds(run.device));
  const deviceStep = DEVICE_SHARE * (input.deviceSecondsLeft ?? Infinity);
  // A trial moves twice: when it starts and when it ends.
  const changeStep = 2 * input.wordEvery;

  /** Slots that nothing waits for; trials that are ready take theirs soon. */
  const idle = (): number =>
    Math.max(0, run.parallel - ownRunning(run) - run.schedule.ready().length);
  const payable = (): number => Math.max(0, Math.min(owed, run.parallel - ownRunning(run)));
  const wanted = (): number => {
    const ready = run.schedule.ready().filter((id) => run.lookedUp.has(id)).length;
    return Math.max(0, ready - Math.max(0, run.parallel - ownRunning(run)));
  };
  const hasNews = (): boolean =>
    wanted() > asked ||
    run.changes.length - toldChanges >= changeStep ||
    usedNow() - toldSeconds >= deviceStep ||
    run.pausedBecause !== toldPause;

  const freshFailures = (): readonly PlacedFailure[] =>
    own.flatMap((entry, at) => {
      const { failure } = entry;
      if (failure === toldFailures.get(entry)) return [];
      toldFailures.set(entry, failure);
      if (failure === undefined) return [];
      reasons += 1;
      return [{ at, failure: reasons <= REASONS ? failure : { ...failure, message: '' } }];
    });
  const say = async (): Promise<void> => {
    const returned = Math.max(idle(), payable());
    run.parallel -= returned;
    owed = Math.max(0, owed - returned);
    toldChanges = run.changes.length;
    asked = wanted();
    toldSeconds = usedNow();
    toldPause = run.pausedBecause;
    await tellStudy({
      ...{ part: input.part, returned, wanted: asked },
      ...packEntries(own),
      failed: freshFailures(),
      ...{ launches: run.launches, deviceSeconds: toldSeconds },
      ...(toldPause === undefined ? {} : { pausedBecause: toldPause }),
    });
  };
  const speak = async (): Promise<void> => {
    const many = Math.max(1, Math.ceil(input.slots / RETURNED_TOGETHER));
    while (!isClosed) {
      await condition(() => isClosed || idle() > 0 || payable() > 0 || hasNews());
      if (!hasNews()) {
        const isDue = (): boolean => isClosed || idle() >= many || hasNews();
        await condition(isDue, GATHERED_MILLISECONDS);
      }
      if (!isClosed && (idle() > 0 || payable() > 0 || hasNews())) await say();
    }
  };
  // A part that is cancelled goes on to say how its legs end.
  const speaking = CancellationScope.nonCancellable(speak);
  return {
    lend(slots) {
      run.parallel += slots;
      asked = Math.max(0, asked - slots);
    },
    reclaim(slots) {
      owed += slots;
    },
    async close() {
      isClosed = true;
      await speaking;
      await say();
    },
  };
}

async function tellStudy(word: PartWord): Promise<void> {
  const { parent } = workflowInfo();
  if (parent === undefined) return;
  try {
    await getExternalWorkflowHandle(parent.workflowId, parent.runId).signal(partSignal, word);
  } catch (error) {
    log.warn('the study of this part is gone', { error: String(error) });
  }
}
