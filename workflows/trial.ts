import { ApplicationFailure, CancellationScope, log, sleep } from '@temporalio/workflow';
import type { ResultSummary } from '../activities/contract.ts';
import { decide, type Attempt, type Decision } from '../leg/decide.ts';
import type { LegSpec } from '../leg/spec.ts';
import { launchLeg } from './launch-leg.ts';
import { findResults } from './proxies.ts';
import { startRecord } from './record.ts';

export type TrialInput = {
  readonly key: string;
  readonly spec: LegSpec;
  /** Id of the trial in its study, and the study's name: for people, not in the key. */
  readonly trial: string;
  readonly study: string;
  /** Launches of an earlier run of this trial that failed and that a user has asked to retry. */
  readonly earlier?: readonly Attempt[];
  /** The study that started this trial is told what its legs use (`launchEnded`). */
  readonly metered?: boolean;
};

export type TrialReport = ResultSummary & {
  /** Legs launched; 0 when the result was there. */
  readonly launches: number;
};

/** Id of the workflow that computes a key: a twin in another study is the same workflow. */
export function trialWorkflowId(key: string): string {
  return `trial/${key.slice(0, 16)}`;
}

/**
 * One network trained, evaluated or explained: leg after leg until its result is in the store, or
 * until the table of `leg/decide` gives up. Fails with the code of the table and the launches as details.
 */
export async function trial(input: TrialInput): Promise<TrialReport> {
  const [found] = await findResults([input.key]);
  if (found !== undefined) return { ...found, launches: 0 };
  const attempts: Attempt[] = [...(input.earlier ?? [])];
  let decision: Decision = { next: 'launch', delaySeconds: 0, memoryFactor: 1 };
  let result: ResultSummary | undefined;
  while (decision.next === 'launch') {
    if (decision.delaySeconds > 0) await sleep(decision.delaySeconds * 1000);
    const { key, spec, trial, study } = input;
    const { memoryFactor } = decision;
    const report = await launchLeg(
      { key, spec, trial, study, launch: attempts.length, memoryFactor },
      input.metered ?? false,
    );
    const { outcome, host, detail, reached } = report;
    attempts.push({ outcome, host, detail, ...(reached === undefined ? {} : { reached }) });
    result = report.result;
    log.info('leg ended', { trial, outcome, detail });
    decision = decide(attempts);
  }
  if (decision.next === 'fail') {
    throw ApplicationFailure.create({
      type: decision.code,
      message: decision.message,
      nonRetryable: true,
      details: [attempts],
    });
  }
  return await finish(input, attempts.length - (input.earlier?.length ?? 0), result);
}

async function finish(
  input: TrialInput,
  launches: number,
  result: ResultSummary | undefined,
): Promise<TrialReport> {
  if (result === undefined) {
    const message = `a finished leg of ${input.trial} reported no result`;
    throw ApplicationFailure.nonRetryable(message, 'CodeBug');
  }
  const { key, study, trial } = input;
  // A cancel that comes now must not keep a finished trial out of MLflow.
  await CancellationScope.nonCancellable(() =>
    startRecord({ kind: 'trial', trial: { key, study, trial } }),
  );
  return { ...result, launches };
}
