import {
  Client,
  Connection,
  WorkflowFailedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { TemporalEnvironment } from '../environment/temporal.ts';
import { ERROR_CODES, KdxError, type ErrorCode } from '../leg/errors.ts';
import { STUDY_QUEUE } from '../leg/queues.ts';
import type { CollectInput, CollectSummary } from '../workflows/collect.ts';
import { inColumns } from './columns.ts';

export type CollectRequest = CollectInput;

/** One at a time: who asks while one runs is refused. */
const WORKFLOW_ID = 'collect';

/** Has the worker remove garbage, and waits for it. @throws KdxError with the code that it failed with */
export async function collect(
  { namespace, ...address }: TemporalEnvironment,
  request: CollectRequest,
): Promise<CollectSummary> {
  const connection = await Connection.connect({ ...address, connectTimeout: '5s' }).catch(
    (cause: unknown) => {
      const message = `no Temporal server answers at ${address.address}; see: kdx status`;
      throw new KdxError('Configuration', message, { cause });
    },
  );
  try {
    const client = new Client({ connection, namespace });
    return (await client.workflow.execute('collect', {
      ...{ args: [request], taskQueue: STUDY_QUEUE, workflowId: WORKFLOW_ID },
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
    })) as CollectSummary;
  } catch (error) {
    throw failureOf(error);
  } finally {
    await connection.close();
  }
}

function failureOf(error: unknown): unknown {
  const failed = error instanceof WorkflowFailedError ? error.cause : error;
  for (let cause: unknown = failed; cause instanceof Error; cause = cause.cause) {
    if (cause.name === 'WorkflowExecutionAlreadyStartedError') {
      const message = `the workflow ${WORKFLOW_ID} runs already; wait for it, or cancel it`;
      return new KdxError('Configuration', message);
    }
    if (cause instanceof ApplicationFailure && Object.hasOwn(ERROR_CODES, cause.type ?? '')) {
      return new KdxError(cause.type as ErrorCode, cause.message);
    }
  }
  return error;
}

/** A line a kind, for a person. */
export function collectedLines({ dryRun, ...kinds }: CollectSummary): readonly string[] {
  const verb = dryRun ? 'would go' : 'removed';
  const rows = Object.entries(kinds).map(([kind, { objects, bytes, garbage, garbageBytes }]) => [
    kind,
    `${objects} (${size(bytes)})`,
    `${verb}: ${garbage} (${size(garbageBytes)})`,
  ]);
  return inColumns([['', 'there', ''], ...rows]);
}

function size(bytes: number): string {
  const mebibytes = bytes / 2 ** 20;
  return mebibytes < 1024 ? `${mebibytes.toFixed(1)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
}
