import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { readHeartbeat } from '../../activities/heartbeat.ts';
import { errorText, KdxError } from '../../leg/errors.ts';
import type { Progress } from '../../leg/result.ts';
import type { StudyStatus } from '../../study/status.ts';
import type { Screen } from './screen.ts';
import type { Moment } from './view.ts';

const INTERVAL_MILLISECONDS = 1000;
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
  while (!signal.aborted) {
    try {
      const { status } = await handle.describe();
      screen.show(await momentOf(client, handle));
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

async function momentOf(client: Client, handle: WorkflowHandle): Promise<Moment> {
  const status = await handle.query<StudyStatus>('status');
  const running = status.trials.filter(
    ({ state, key }) => state === 'running' && key !== undefined,
  );
  const progress = new Map<string, Progress>();
  await Promise.all(
    running.map(async ({ id, key }) => {
      const latest = await progressOf(client, key ?? '').catch(() => undefined);
      if (latest !== undefined) progress.set(id, latest);
    }),
  );
  return { status, progress };
}

/** How far a leg last said to be. */
async function progressOf(client: Client, key: string): Promise<Progress | undefined> {
  return (await readHeartbeat(client, `trial/${key.slice(0, 16)}`))?.progress;
}

function silence(cause: unknown): KdxError {
  const message = `Temporal has not answered for ${PATIENCE_SECONDS} s; see: kdx status`;
  return new KdxError('Disrupted', message, { cause });
}
