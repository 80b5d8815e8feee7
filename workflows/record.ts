import {
  CancellationScope,
  continueAsNew,
  defineSignal,
  getExternalWorkflowHandle,
  log,
  ParentClosePolicy,
  setHandler,
  sleep,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { PlanPage, Recordable } from '../activities/contract.ts';
import { batchesOf } from './find.ts';
import { recordPlan, recordReport, recordTrials } from './proxies.ts';

/** What is to be written into MLflow: finished trials of a study, and its report. */
export type RecordInput = {
  readonly study: string;
  readonly trials: readonly Recordable[];
  readonly report: boolean;
  /** All results of a plan are written that are there: a large study has found them without a list. */
  readonly plan?: RecordedPlan;
};

/** What is left of a plan to be recorded. */
export type RecordedPlan = Pick<PlanPage, 'study' | 'sections'> & { readonly from?: number };

/** More to record, for a recorder that is at work. */
const recordSignal = defineSignal<[Omit<RecordInput, 'study'>]>('record');

/** Trials that one activity writes: enough to be quick, few enough to be repeated. */
const WRITE_BATCH = 20;
/** Trials of a plan that one activity looks up and writes. */
const PLAN_BATCH = 200;
/** Trials in one message to the recorder. */
const MESSAGE_BATCH = 200;
/** A recorder may close just when it is written to; then there is room for another one. */
const HAND_OVER_TRIES = 5;

/**
 * The recorder of a study: writes to MLflow until all that it was given has been written, the report
 * last. Nothing waits for it.
 */
export async function record(input: RecordInput): Promise<void> {
  const { study } = input;
  const trials = [...input.trials];
  let { report, plan } = input;
  setHandler(recordSignal, (more) => {
    trials.push(...more.trials);
    report ||= more.report;
    plan = more.plan ?? plan;
  });
  while (trials.length > 0 || plan !== undefined || report) {
    if (workflowInfo().continueAsNewSuggested) {
      const left = plan === undefined ? {} : { plan };
      return await continueAsNew<typeof record>({ study, trials, report, ...left });
    }
    if (trials.length > 0) {
      const damaged = await recordTrials({ study, trials: trials.splice(0, WRITE_BATCH) });
      if (damaged.length > 0) log.warn('damaged, and not recorded', { trials: damaged });
    } else if (plan !== undefined) {
      plan = await recordPage(study, plan);
    } else {
      report = false;
      await recordReport(study);
    }
  }
}

/** Writes a page of a plan; answers what is left of it. */
async function recordPage(
  name: string,
  { study, sections, from = 0 }: RecordedPlan,
): Promise<RecordedPlan | undefined> {
  const { total } = await recordPlan({ study, sections, from, count: PLAN_BATCH }, name);
  const next = from + PLAN_BATCH;
  return next < total ? { study, sections, from: next } : undefined;
}

/**
 * Gives the recorder of a study something to write, and starts it where it is not at work. It
 * outlives the study. Never rejects: what could not be handed over is found, and recorded, when the
 * study is started again.
 */
export async function handOver({ study, trials, report, plan }: RecordInput): Promise<void> {
  const batches = batchesOf(trials, MESSAGE_BATCH);
  // A cancel that comes now must not keep a finished trial out of MLflow.
  await CancellationScope.nonCancellable(async () => {
    for (const batch of batches) await handBatch({ study, trials: batch, report: false });
    if (plan !== undefined) await handBatch({ study, trials: [], report: false, plan });
    if (report) await handBatch({ study, trials: [], report });
  });
}

async function handBatch(input: RecordInput): Promise<void> {
  const { study, ...more } = input;
  const workflowId = `record/${study}`;
  for (let tries = 1; ; tries += 1) {
    try {
      await startChild(record, {
        workflowId,
        args: [input],
        parentClosePolicy: ParentClosePolicy.ABANDON,
      });
      return;
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) log.warn(String(error));
    }
    try {
      return await getExternalWorkflowHandle(workflowId).signal(recordSignal, more);
    } catch (error) {
      if (tries === HAND_OVER_TRIES) return log.error('not recorded', { error: String(error) });
      await sleep(1000);
    }
  }
}
