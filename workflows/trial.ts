import { ApplicationFailure, log, sleep, workflowInfo } from '@temporalio/workflow';
import type { ResultSummary } from '../activities/contract.ts';
import { boundLaunches, decide, type Decision, type Launch } from '../leg/decide.ts';
import type { LegPriority } from '../leg/priority.ts';
import {
  DEFAULT_RESOURCES,
  type EvaluationToCome,
  type Leg,
  type LegResources,
  type LegSpec,
  LOCAL_PLACE,
  type Place,
} from '../leg/spec.ts';
import { describeOutcome, describeResult } from './attributes.ts';
import { launchLeg } from './launch-leg.ts';
import { findResult } from './find.ts';

export type TrialInput = {
  readonly key: string;
  readonly spec: LegSpec;
  /** Id of the trial in its study, and the study's name: for people, not in the key. */
  readonly trial: string;
  readonly study: string;
  /** Of a training: the evaluation that its leg computes too. */
  readonly evaluation?: EvaluationToCome;
  /** What the plan estimates that the leg needs. */
  readonly resources?: LegResources;
  /** Where its legs run; processes beside a worker where absent. */
  readonly place?: Place;
  /** In the queue of its legs; Temporal's default where absent. */
  readonly priority?: LegPriority;
  /** Launches of an earlier run of this trial that failed and that a user has asked to retry. */
  readonly earlier?: readonly Launch[];
  /** The study that started this trial is told what its legs use (`launchEnded`). */
  readonly metered?: boolean;
};

export type TrialReport = ResultSummary & {
  /** Legs launched; 0 when the result was there. */
  readonly launches: number;
  /** How the last of them ended: the study watches its hosts. */
  readonly ends: readonly Launch[];
};

/** Of a run id: enough to tell the runs of one trial apart, and short enough for a name. */
const RUN_DIGITS = 8;

/** Id of the workflow that computes a key: a twin in another study is the same workflow. */
export function trialWorkflowId(key: string): string {
  return `trial/${key.slice(0, 16)}`;
}

/**
 * One network trained, evaluated or explained: leg after leg until its result is in the store, or
 * until the table of `leg/decide` gives up. Fails with the code of the table and the launches as details.
 */
export async function trial(input: TrialInput): Promise<TrialReport> {
  const found = await findResult(input.key);
  if (found !== undefined) {
    describeResult(found);
    return { ...found, launches: 0, ends: [] };
  }
  let launches: readonly Launch[] = input.earlier ?? [];
  const first = (launches.at(-1)?.launch ?? -1) + 1;
  const { resources = DEFAULT_RESOURCES, place = LOCAL_PLACE } = input;
  const asked = { memoryMiB: resources.memoryMiB, flavours: place.flavours };
  // A user's retry launches once more whatever came before.
  let decision = decide([], asked);
  let result: ResultSummary | undefined;
  let launch = first;
  for (; decision.next === 'launch'; launch += 1) {
    if (decision.delaySeconds > 0) await sleep(decision.delaySeconds * 1000);
    const leg = legOf(input, launch, decision);
    const report = await launchLeg(leg, place, input);
    const { outcome, host, detail, reached } = report;
    const ended = { launch, outcome, host, detail, ...(reached === undefined ? {} : { reached }) };
    launches = boundLaunches([...launches, ended]);
    result = report.result;
    log.info('leg ended', { trial: input.trial, outcome, detail });
    decision = decide(launches, asked);
  }
  if (decision.next === 'fail') {
    describeOutcome(decision.code);
    throw ApplicationFailure.create({
      type: decision.code,
      message: decision.message,
      nonRetryable: true,
      details: [launches],
    });
  }
  if (result === undefined) {
    const message = `a finished leg of ${input.trial} reported no result`;
    throw ApplicationFailure.nonRetryable(message, 'CodeBug');
  }
  describeResult(result);
  const ends = launches.filter((end) => end.launch >= first);
  return { ...result, launches: launch - first, ends };
}

function legOf(
  { key, spec, trial, study, evaluation }: TrialInput,
  launch: number,
  { memoryMiB, flavour, avoidHosts }: Extract<Decision, { next: 'launch' }>,
): Leg {
  return {
    ...{ key, spec, trial, study, launch },
    run: workflowInfo().runId.slice(0, RUN_DIGITS),
    resources: { memoryMiB, ...(flavour === undefined ? {} : { flavour }) },
    ...(avoidHosts.length === 0 ? {} : { avoidHosts }),
    ...(evaluation === undefined ? {} : { evaluation }),
  };
}
