import { ParentClosePolicy, startChild } from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { RecordTrialInput } from '../activities/contract.ts';
import { recordReport, recordTrial } from './proxies.ts';

/** What goes into MLflow: one trial, or the report of a study. */
export type RecordInput =
  | { readonly kind: 'trial'; readonly trial: RecordTrialInput }
  | { readonly kind: 'report'; readonly study: string };

/** Writes to MLflow until it has been written. Nothing waits for it. */
export async function record(input: RecordInput): Promise<void> {
  if (input.kind === 'trial') await recordTrial(input.trial);
  else await recordReport(input.study);
}

/** Starts the recording of one thing as a workflow of its own, which outlives its parent. */
export async function startRecord(input: RecordInput): Promise<void> {
  const name = input.kind === 'trial' ? input.trial.key.slice(0, 16) : `report/${input.study}`;
  try {
    await startChild(record, {
      workflowId: `record/${name}`,
      args: [input],
      parentClosePolicy: ParentClosePolicy.ABANDON,
    });
  } catch (error) {
    // Being recorded right now: both writers would write the same.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
