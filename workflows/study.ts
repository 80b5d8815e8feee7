import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  patched,
  setHandler,
} from '@temporalio/workflow';
import type { PinnedStudy, ReportSummary } from '../activities/contract.ts';
import { expandStudy, restrictTo, type Section } from '../study/plan/plan.ts';
import { PRIORITIES } from '../study/priority.ts';
import { MAX_PAGE } from '../study/status.ts';
import { describeEnd, describeStudy } from './attributes.ts';
import { carryOf, openRun, type Carry } from './carry.ts';
import { conclude, type StudySummary } from './conclude.ts';
import { extend, isSpent, noteLaunchEnd, secondsLeft } from './device-account.ts';
import { withinDeviceLimit } from './device-limit.ts';
import { runGraph } from './graph.ts';
import {
  changesQuery,
  extendBudgetUpdate,
  launchEndedSignal,
  pauseSignal,
  resumeSignal,
  retryFailedUpdate,
  setParallelismUpdate,
  setPriorityUpdate,
  statusQuery,
  tableQuery,
  trialsQuery,
} from './messages.ts';
import { statusBefore, statusOf, tableOf } from './status.ts';
import { hearPart } from './parts/hear.ts';
import { partSignal } from './parts/messages.ts';
import { openInParts } from './parts/open.ts';
import { PART_TRIALS } from './parts/split.ts';
import { retryParts, shrinkParts, tellParts } from './parts/study.ts';
import { keepFailedTrials, readFailedTrials } from './failures.ts';
import { readStudy, renderReport, resolveStudy } from './proxies.ts';
import { pause, resume, retryFailed, setState, type StudyRun } from './state.ts';
import { changesOf, trialsOf } from './trials.ts';

export type { StudySummary } from './conclude.ts';

/** Which part of a study a workflow type runs. */
export type Part = {
  readonly sections: readonly Section[];
  readonly report: boolean;
  /** A study of more trials is run in parts of that many. */
  readonly partTrials?: number;
};

/** Signature of the workflow types that `runStudy` carries out, for continuing as new. */
type RunPart = (input: unknown, carry?: Carry) => Promise<StudySummary>;

/** Highest parallelism a study may be given, as in `limits.parallel` of the schema. */
const MAX_PARALLEL = 500;

/**
 * Runs a part of a study. A bad study fails at once with `SpecInvalid`; failed trials fail the
 * workflow at its end, with the code of the first, after the report has been written. So does a limit
 * of device time that was reached, with `BudgetExceeded`.
 */
export async function runStudy(
  input: unknown,
  part: Part,
  carry: Carry | undefined,
): Promise<StudySummary> {
  const opened: { run?: StudyRun } = {};
  handleMessages(opened, input);
  const run = await open(input, part, carry);
  opened.run = run;
  describeStudy(run);
  try {
    const end = await withinDeviceLimit(run, () => runGraph(run));
    if (end === 'history-full') {
      return await continueAsNew<RunPart>(input, await handOn(run));
    }
    if (end === 'limit-reached') cancelWaiting(run);
    const report = part.report ? await writeReport(run) : undefined;
    return describeEnd(run, () => conclude(run, report));
  } catch (error) {
    if (isCancellation(error)) await concludeCancelled(run);
    throw error;
  } finally {
    await run.outbox.close(run.report !== undefined);
  }
}

/** Resolves a study in its first run; a later run goes on with what that one has resolved. */
async function open(input: unknown, part: Part, carry: Carry | undefined): Promise<StudyRun> {
  const pinned = carry === undefined ? await resolveStudy(input) : await readPinned(carry);
  const { sections, partTrials = PART_TRIALS } = part;
  const nodes = restrictTo(expandStudy(pinned.resolved.study, pinned.resolved), sections);
  const opening = { ...pinned, sections, nodes };
  // A study that an earlier build began goes on in one workflow, until it goes on in another run.
  if (nodes.length > partTrials && patched('parts')) {
    return openInParts({ ...opening, partTrials }, Date.now(), carry);
  }
  const failed = await readFailedTrials(carry?.failures);
  return openRun(opening, Date.now(), carry, failed);
}

async function readPinned({ resolved, searchable }: Carry): Promise<PinnedStudy> {
  const study = { digest: resolved, resolved: await readStudy(resolved) };
  return searchable === true ? { ...study, searchable } : study;
}

/** What the next run goes on from, with every message that has come until now. */
async function handOn(run: StudyRun): Promise<Carry> {
  for (;;) {
    const moved = run.changes.length;
    const failures = await keepFailedTrials(run);
    await condition(allHandlersFinished);
    if (run.changes.length === moved) return carryOf(run, failures);
  }
}

/** Handlers are there before the first wait, so that no early message is lost. */
function handleMessages(opened: { run?: StudyRun }, input: unknown): void {
  setHandler(statusQuery, () =>
    opened.run === undefined ? statusBefore(nameOf(input)) : statusOf(opened.run, Date.now()),
  );
  setHandler(trialsQuery, (from = 0, count = MAX_PAGE, state) =>
    opened.run === undefined ? { trials: [] } : trialsOf(opened.run, from, count, state),
  );
  setHandler(changesQuery, (since = 0, count = MAX_PAGE) =>
    opened.run === undefined ? { trials: [], next: 0 } : changesOf(opened.run, since, count),
  );
  setHandler(tableQuery, () => (opened.run === undefined ? [] : tableOf(opened.run)));
  const ready = async (): Promise<StudyRun> => {
    await condition(() => opened.run !== undefined);
    return opened.run as StudyRun;
  };
  setHandler(pauseSignal, async () => {
    const run = await ready();
    pause(run);
    tellParts(run, { paused: true });
  });
  setHandler(resumeSignal, async () => {
    const run = await ready();
    resume(run);
    tellParts(run, { paused: false });
  });
  setHandler(
    setParallelismUpdate,
    async (parallel) => {
      const run = await ready();
      const before = run.parallel;
      run.parallel = parallel;
      shrinkParts(run);
      return before;
    },
    { validator: checkParallelism },
  );
  setHandler(
    setPriorityUpdate,
    async (priority) => {
      const run = await ready();
      const before = run.priority;
      run.priority = priority;
      tellParts(run, { priority });
      return before;
    },
    { validator: checkPriority },
  );
  setHandler(
    extendBudgetUpdate,
    async (hours) => {
      const run = await ready();
      checkExtension(hours, run);
      if (run.device === undefined) return Number.NaN;
      const limit = extend(run.device, hours);
      tellParts(run, { deviceSecondsLeft: secondsLeft(run.device) });
      return limit;
    },
    { validator: (hours) => checkExtension(hours, opened.run) },
  );
  setHandler(launchEndedSignal, (end) => {
    if (opened.run?.device !== undefined) noteLaunchEnd(opened.run.device, end);
  });
  setHandler(partSignal, (word) => {
    if (opened.run !== undefined) hearPart(opened.run, word);
  });
  setHandler(
    retryFailedUpdate,
    async () => {
      const run = await ready();
      checkTraining(run);
      const ids = retryFailed(run);
      retryParts(run, ids);
      return ids.slice(0, MAX_PAGE);
    },
    { validator: () => checkTraining(opened.run) },
  );
}

/** Failed trials are tried again while others may run: afterwards nothing would run them. */
function checkTraining(run: StudyRun | undefined): void {
  if (run === undefined || run.phase === 'training') return;
  throw ApplicationFailure.nonRetryable(
    `retryFailed: the study is ${run.phase}; allowed: while it trains; start the study again, and what failed is tried`,
    'SpecInvalid',
  );
}

/** Hours that a limit may be extended by at once: more than a century of one device is a slip. */
const MAX_EXTENSION_HOURS = 1e6;

/** A limit that is reached has ended the legs by then; a study that is started again goes on from them. */
function checkExtension(hours: unknown, run: StudyRun | undefined): void {
  const valid = typeof hours === 'number' && hours > 0 && hours <= MAX_EXTENSION_HOURS;
  if (!valid) {
    refuseBudget(`found ${JSON.stringify(hours)}; allowed: hours, above 0, at most 1e6`);
  }
  if (run === undefined) return;
  if (run.device === undefined)
    refuseBudget('the study sets no limits.gpuHours; allowed: one that does');
  if (run.phase !== 'training' || isSpent(run.device)) {
    const end = 'start the study again with a higher limit, and it goes on from its checkpoints';
    refuseBudget(`the study is ${run.phase}, its limit reached or its training done; ${end}`);
  }
}

function refuseBudget(reason: string): never {
  throw ApplicationFailure.nonRetryable(`extendBudget: ${reason}`, 'SpecInvalid');
}

function checkParallelism(parallel: unknown): void {
  const valid = Number.isInteger(parallel) && Number(parallel) >= 1;
  if (valid && Number(parallel) <= MAX_PARALLEL) return;
  const found = JSON.stringify(parallel);
  throw ApplicationFailure.nonRetryable(
    `setParallelism: found ${found}; allowed: an integer from 1 to ${MAX_PARALLEL}`,
    'SpecInvalid',
  );
}

function checkPriority(priority: unknown): void {
  if (PRIORITIES.some((known) => known === priority)) return;
  throw ApplicationFailure.nonRetryable(
    `setPriority: found ${JSON.stringify(priority)}; allowed: ${PRIORITIES.join(', ')}`,
    'SpecInvalid',
  );
}

/** The name in a study that has not been checked yet. */
function nameOf(input: unknown): string {
  const name: unknown =
    typeof input === 'object' && input !== null ? Reflect.get(input, 'name') : '';
  return typeof name === 'string' ? name : '';
}

async function writeReport(run: StudyRun): Promise<ReportSummary> {
  const failures = await keepFailedTrials(run);
  const report = await renderReport({
    resolved: run.digest,
    ...(failures === undefined ? {} : { failures }),
  });
  run.report = report.page;
  return report;
}

/** Legs write their checkpoints before the cancelled study closes. */
async function concludeCancelled(run: StudyRun): Promise<void> {
  run.phase = 'cancelled';
  await CancellationScope.nonCancellable(() => Promise.all(run.underWay.values()));
  cancelWaiting(run);
}

function cancelWaiting(run: StudyRun): void {
  for (const entry of run.entries.values()) {
    if (entry.state === 'waiting') setState(run, entry, 'cancelled');
  }
}
