import { setTimeout as sleep } from 'node:timers/promises';
import {
  WorkflowNotFoundError,
  type Client,
  type WorkflowExecutionDescription,
  type WorkflowHandle,
} from '@temporalio/client';
import { heartbeatOf } from '../../activities/heartbeat.ts';
import { errorText, KdxError } from '../../leg/errors.ts';
import type { Progress } from '../../leg/result.ts';
import type { StudyStatus, TrialChanges, TrialPage, TrialStatus } from '../../study/status.ts';
import { retriedOf, type Retried } from './retried.ts';
import type { Screen } from './screen.ts';
import type { Moment } from './view.ts';

const INTERVAL_MILLISECONDS = 1000;
/** Trials under way whose progress is shown: as many as a screen has room for. */
const SHOWN = 20;
/** Trials in one answer about what has changed. */
const CHANGES = 200;
/** Servers are started again within seconds; beyond this they are gone. */
const PATIENCE_SECONDS = 300;

/**
 * Shows a study until its workflow has closed or the signal is aborted. Servers that are away for a
 * while are waited for.
 * @returns whether the workflow has closed
 * @throws KdxError `Disrupted` when Temporal has not answered for five minutes.
 */
export async function watchStudy(
  client: Client,
  workflowId: string,
  screen: Screen,
  signal: AbortSignal,
): Promise<boolean> {
  const handle = client.workflow.getHandle(workflowId);
  let lastAnswer = performance.now();
  let isAway = false;
  const seen: Seen = { runId: '', next: 0 };
  while (!signal.aborted) {
    try {
      const description = await handle.describe();
      const { status } = description;
      screen.show(await momentOf(client, handle, seen, description));
      if (status.name !== 'RUNNING' && status.name !== 'CONTINUED_AS_NEW') return true;
      if (isAway) screen.note('Temporal answers again');
      [isAway, lastAnswer] = [false, performance.now()];
    } catch (error) {
      if (!isAway) screen.note(`waiting for Temporal and the worker (${errorText(error)})`);
      isAway = true;
      if (performance.now() - lastAnswer > PATIENCE_SECONDS * 1000) throw silence(error);
    }
    await sleep(INTERVAL_MILLISECONDS, undefined, { signal }).catch(() => {});
  }
  return false;
}

/** How far the changes of a study have been read: each run of its workflow counts them anew. */
type Seen = { runId: string; next: number };

async function momentOf(
  client: Client,
  handle: WorkflowHandle,
  seen: Seen,
  description: WorkflowExecutionDescription,
): Promise<Moment> {
  const status = await handle.query<StudyStatus>('status');
  const { trials: running } = await handle.query<TrialPage, [number, number, string]>(
    'trials',
    ...([0, SHOWN, 'running'] as const),
  );
  const progress = new Map<string, Progress>();
  const retried = new Map<string, readonly Retried[]>([[status.study, retriedOf(description)]]);
  await Promise.all(
    running.map(async ({ id, key }) => {
      const trial = await describeTrial(client, key ?? '');
      if (trial === undefined) return;
      const latest = heartbeatOf(trial)?.progress;
      if (latest !== undefined) progress.set(id, latest);
      retried.set(id, retriedOf(trial));
    }),
  );
  const changed = await readChanges(handle, seen, description.runId);
  return { status, changed, running, progress, retried };
}

async function readChanges(
  handle: WorkflowHandle,
  seen: Seen,
  runId: string,
): Promise<readonly TrialStatus[]> {
  let since = seen.runId === runId ? seen.next : 0;
  const changed: TrialStatus[] = [];
  for (;;) {
    const page = await handle.query<TrialChanges, [number, number]>('changes', since, CHANGES);
    changed.push(...page.trials);
    if (page.next === since) break;
    since = page.next;
  }
  // Only now: what a lost answer would have told is asked for again.
  Object.assign(seen, { runId, next: since });
  return changed;
}

/** A trial as Temporal has it: what its leg last reported, and what it waits for. */
async function describeTrial(
  client: Client,
  key: string,
): Promise<WorkflowExecutionDescription | undefined> {
  try {
    return await client.workflow.getHandle(`trial/${key.slice(0, 16)}`).describe();
  } catch (error) {
    // It has not been started yet, or its history has been removed.
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

function silence(cause: unknown): KdxError {
  const message = `Temporal has not answered for ${PATIENCE_SECONDS} s; see: kdx status`;
  return new KdxError('Disrupted', message, { cause });
}
