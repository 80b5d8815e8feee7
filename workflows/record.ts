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
import type { Recordable } from '../activities/contract.ts';
import { batchesOf } from './find.ts';
import { recordReport, recordTrials } from './proxies.ts';

/** What is to be written into MLflow: finished trials of a study, and its report. */
export type RecordInput = {
  readonly study: string;
  readonly trials: readonly Recordable[];
  readonly report: boolean;
};

/** More to record, for a recorder that is at work. */
const recordSignal = defineSignal<[Omit<RecordInput, 'study'>]>('record');

/** Trials that one activity writes: enough to be quick, few enough to be repeated. */
const WRITE_BATCH = 20;
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
  let { report } = input;
  setHandler(recordSignal, (more) => {
    trials.push(...more.trials);
    report ||= more.report;
  });
  while (trials.length > 0 || report) {
    if (workflowInfo().continueAsNewSuggested) {
      return await continueAsNew<typeof record>({ study, trials, report });
    }
    if (trials.length > 0) {
      const damaged = await recordTrials({ study, trials: trials.splice(0, WRITE_BATCH) });
      if (damaged.length > 0) log.warn('damaged, and not recorded', { trials: damaged });
    } else {
      report = false;
      await recordReport(study);
    }
  }
}

/**
 * Gives the recorder of a study something to write, and starts it where it is not at work. It
 * outlives the study. Never rejects: what could not be handed over is found, and recorded, when the
 * study is started again.
 */
export async function handOver({ study, trials, report }: RecordInput): Promise<void> {
  const batches = batchesOf(trials, MESSAGE_BATCH);
  // A cancel that comes now must not keep a finished trial out of MLflow.
  await CancellationScope.nonCancellable(async () => {
    for (const batch of batches) await handBatch({ study, trials: batch, report: false });
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
