import {
  Client,
  Connection,
  WorkflowFailedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
} from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { ERROR_CODES, errorText, KdxError } from '../../leg/errors.ts';
import type { ErrorCode } from '../../leg/errors.ts';
import { STUDY_QUEUE } from '../../leg/queues.ts';
import type { StudySummary } from '../../workflows/study.ts';
import type { Environment } from '../../environment/environment.ts';
import { checkSameStudy } from './conflict.ts';
import type { StudyFile } from './file.ts';
import { fetchReport } from './report.ts';
import { openScreen } from './screen.ts';
import { watchStudy } from './watch.ts';

/** What running a study needs of the environment. */
export type StudyEnvironment = Pick<Environment, 'temporal' | 's3' | 'stateDir'>;

export type RunOptions = {
  /** Watches a study of this name that is under way, also when its content is another. */
  readonly join: boolean;
};

/** How a watched study ended; undefined when watching was broken off. */
export type StudyEnd = {
  readonly summary: StudySummary;
  /** The report's page on this machine. */
  readonly page: string | undefined;
};

/**
 * Starts a study, or joins the one of its name that is under way, and watches it to its end.
 * @throws KdxError with the code the study failed with; its message names the report, if one was made.
 */
export async function runStudyFile(
  environment: StudyEnvironment,
  study: StudyFile,
  signal: AbortSignal,
  options: RunOptions = { join: false },
): Promise<StudyEnd | undefined> {
  const { namespace, ...address } = environment.temporal;
  const connection = await connect(address);
  try {
    const client = new Client({ connection, namespace });
    const workflowId = `reproduce/${study.name}`;
    const screen = openScreen(process.stderr);
    const handle = await client.workflow.start('reproduce', {
      args: [study.input],
      taskQueue: STUDY_QUEUE,
      workflowId,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      // A study of this name that runs already is the one the user means.
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    });
    if (!options.join) await checkSameStudy(client, workflowId, study);
    if (!(await watchStudy(client, workflowId, screen, signal))) return undefined;
    const outcome: unknown = await handle.result().catch((error: unknown) => error);
    const page = await fetchReport(environment, study.name);
    if (outcome instanceof Error) throw failureOf(outcome, page);
    const end = { summary: outcome as StudySummary, page };
    checkNotAllDiverged(end);
    return end;
  } finally {
    await connection.close();
  }
}

/**
 * A diverged trial is a result, and a study with some of them has ended well; one without any other has
 * nothing to say, and a script that runs it must see that.
 */
export function checkNotAllDiverged({ summary, page }: StudyEnd): void {
  const { complete, found, diverged } = summary.counts;
  if (complete + found > 0 || diverged === 0) return;
  const trials = `${diverged} ${diverged === 1 ? 'trial' : 'trials'} diverged, none is complete`;
  throw new KdxError('Diverged', `${summary.study}: ${trials}${whereText(page)}`);
}

function whereText(page: string | undefined): string {
  return page === undefined ? '' : `; the report of what was done: ${page}`;
}

async function connect(
  options: Omit<StudyEnvironment['temporal'], 'namespace'>,
): Promise<Connection> {
  try {
    return await Connection.connect({ ...options, connectTimeout: '5s' });
  } catch (cause) {
    const message = `no Temporal server answers at ${options.address}; see: kdx status`;
    throw new KdxError('Configuration', message, { cause });
  }
}

/** The failure of our closed list that the workflow's failure chain carries. */
function failureOf(error: Error, page: string | undefined): KdxError {
  const where = whereText(page);
  if (error instanceof WorkflowFailedError) {
    if (error.cause instanceof CancelledFailure) {
      return new KdxError('Stopped', 'the study was cancelled; started again, it goes on');
    }
    for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
      const type = 'type' in cause ? String(cause.type) : '';
      if (type in ERROR_CODES) return new KdxError(type as ErrorCode, cause.message + where);
    }
  }
  return new KdxError('CodeBug', errorText(error) + where, { cause: error });
}
