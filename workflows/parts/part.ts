import {
  CancellationScope,
  condition,
  allHandlersFinished,
  continueAsNew,
  isCancellation,
  setHandler,
} from '@temporalio/workflow';
import type { FailedTrial } from '../../activities/contract.ts';
import { expandStudy, restrictTo, type TrialNode } from '../../study/plan/plan.ts';
import { MAX_PAGE } from '../../study/status.ts';
import { openRun } from '../carry.ts';
import { noteLaunchEnd, secondsLeft, usedSeconds } from '../device-account.ts';
import { withinDeviceLimit } from '../device-limit.ts';
import { keepFailedTrials } from '../failures.ts';
import { runGraph } from '../graph.ts';
import { watchHistoryPatiently } from '../history.ts';
import { changesQuery, launchEndedSignal, statusQuery, trialsQuery } from '../messages.ts';
import { readFailures, readStudy } from '../proxies.ts';
import {
  entryOf,
  loseTrial,
  resume,
  retryFailed,
  setState,
  type Entry,
  type StudyRun,
} from '../state.ts';
import { statusBefore, statusOf } from '../status.ts';
import { changesOf, trialsOf } from '../trials.ts';
import { controlSignal, type PartControl, type PartInput, type RunPart } from './messages.ts';
import { createSpeaker, type Speaker } from './speak.ts';
import type { PartEnd } from './word.ts';

/** A part at work. */
type Part = {
  readonly run: StudyRun;
  /** Its own trials, in the order that its study knows. */
  readonly own: readonly Entry[];
  /** Trials that it needs and cannot have. */
  readonly lost: Set<string>;
  readonly speaker: Speaker;
};

/**
 * Runs some hundred trials of a large study with the slots that the study lends it. Its trials may
 * fail; it does not. It answers where its failed trials are kept.
 */
export async function part(input: PartInput): Promise<PartEnd> {
  const opened: { part?: Part } = {};
  handleMessages(opened);
  const part = await open(input);
  opened.part = part;
  const { run, speaker } = part;
  let isSilent = false;
  const fallSilent = async (): Promise<void> => {
    if (isSilent) return;
    isSilent = true;
    await CancellationScope.nonCancellable(() => speaker.close());
  };
  try {
    const end = await withinDeviceLimit(run, () => runGraph(run));
    await fallSilent();
    const failures = await keepFailedTrials(run);
    if (end === 'history-full') {
      await condition(allHandlersFinished);
      return await continueAsNew<RunPart>(nextInput(input, part, failures));
    }
    return {
      ...(failures === undefined ? {} : { failures }),
      ...(end === 'limit-reached' ? { spent: true } : {}),
    };
  } catch (error) {
    if (isCancellation(error)) {
      run.phase = 'cancelled';
      await CancellationScope.nonCancellable(() => Promise.all(run.underWay.values()));
    }
    throw error;
  } finally {
    await fallSilent();
    await run.outbox.close(false);
  }
}

async function open(input: PartInput): Promise<Part> {
  const resolved = await readStudy(input.study);
  const plan = restrictTo(expandStudy(resolved.study, resolved), input.sections);
  const trials = input.trials.map((place) => plan[place] as TrialNode);
  const ids = trials.map(({ id }) => id);
  const { used = { launches: 0, deviceSeconds: 0 } } = input;
  const carry = {
    ...{ parallel: input.slots, paused: input.paused, startedAt: Date.now() },
    ...(input.priority === undefined ? {} : { priority: input.priority }),
    ...used,
  };
  const failed =
    input.failures === undefined ? [] : (await readFailures(input.failures, ids)).trials;
  const run = openRun(
    {
      ...{ resolved, digest: input.study, sections: input.sections },
      nodes: withNeeds(plan, trials),
      history: watchHistoryPatiently(),
      searchable: input.searchable ?? false,
    },
    Date.now(),
    carry,
    failed.map(triedAgain),
  );
  limitDevice(run, input.deviceSecondsLeft);
  for (const id of input.awaited) {
    run.awaited.add(id);
    run.schedule.start(id);
  }
  for (const id of input.lost) lose(run, id);
  const own = ids.map((id) => entryOf(run, id));
  return { run, own, lost: new Set(input.lost), speaker: createSpeaker(run, own, input) };
}

/** What failed before is tried again, and its launches count; what is quarantined has failed. */
function triedAgain(trial: FailedTrial): FailedTrial {
  const { id, failure, earlier } = trial;
  return failure?.code === 'Quarantined' ? trial : { id, earlier };
}

function lose(run: StudyRun, id: string): void {
  // Where it needs another one that is lost, it is blocked already.
  if (run.schedule.state(id) !== 'blocked') loseTrial(run, id);
}

/** Trials with all that they need, in plan order. */
function withNeeds(plan: readonly TrialNode[], trials: readonly TrialNode[]): readonly TrialNode[] {
  const byId = new Map(plan.map((node) => [node.id, node]));
  const wanted = new Set<TrialNode>();
  const want = (node: TrialNode | undefined): void => {
    if (node === undefined || wanted.has(node)) return;
    wanted.add(node);
    for (const need of node.needs) want(byId.get(need));
  };
  trials.forEach(want);
  return plan.filter((node) => wanted.has(node));
}

/** A part may use what its study has left. */
function limitDevice({ device }: StudyRun, secondsLeft: number | undefined): void {
  if (device !== undefined && secondsLeft !== undefined) {
    device.limitSeconds = usedSeconds(device) + secondsLeft;
  }
}

function nextInput(input: PartInput, part: Part, failures: string | undefined): PartInput {
  const { run, lost } = part;
  const { device, launches } = run;
  const { failures: _before, ...rest } = input;
  const used = device === undefined ? 0 : usedSeconds(device);
  return {
    ...rest,
    ...{
      priority: run.priority,
      slots: run.parallel,
      paused: run.paused,
      awaited: [...run.awaited],
      lost: [...lost],
    },
    ...(failures === undefined ? {} : { failures }),
    used: { launches, deviceSeconds: used },
    ...(device === undefined ? {} : { deviceSecondsLeft: secondsLeft(device) }),
  };
}

function handleMessages(opened: { part?: Part }): void {
  setHandler(controlSignal, async (control) => {
    await condition(() => opened.part !== undefined);
    if (opened.part !== undefined) obey(opened.part, control);
  });
  setHandler(launchEndedSignal, (end) => {
    const device = opened.part?.run.device;
    if (device !== undefined) noteLaunchEnd(device, end);
  });
  setHandler(statusQuery, () =>
    opened.part === undefined ? statusBefore('') : statusOf(opened.part.run, Date.now()),
  );
  setHandler(trialsQuery, (from = 0, count = MAX_PAGE, state) =>
    opened.part === undefined ? { trials: [] } : trialsOf(opened.part.run, from, count, state),
  );
  setHandler(changesQuery, (since = 0, count = MAX_PAGE) =>
    opened.part === undefined ? { trials: [], next: 0 } : changesOf(opened.part.run, since, count),
  );
}

/** Does what the study says. */
function obey({ run, lost, speaker }: Part, control: PartControl): void {
  if (control.lent !== undefined) speaker.lend(control.lent);
  if (control.reclaimed !== undefined) speaker.reclaim(control.reclaimed);
  if (control.paused === false) resume(run);
  if (control.priority !== undefined) run.priority = control.priority;
  if (control.paused === true) run.paused = true;
  if (control.retry === true) retryFailed(run);
  limitDevice(run, control.deviceSecondsLeft);
  for (const id of control.settled ?? []) {
    if (!run.awaited.delete(id)) continue;
    run.schedule.stop(id);
    setState(run, entryOf(run, id), 'waiting');
  }
  for (const id of control.lost ?? []) {
    lost.add(id);
    lose(run, id);
  }
}
