import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { KdxError } from '../leg/errors.ts';
import { readJson } from './files.ts';
import { isAlive, trySignal } from './identity.ts';
import type { Layout } from './layout.ts';
import { SERVICE_NAMES } from './service.ts';

const identity = { pid: z.int(), startTicks: z.string() };
const schema = z.object({
  ...identity,
  startedAt: z.string(),
  /** Studies can run: all is ready but, perhaps, MLflow. */
  working: z.boolean(),
  s3Kind: z.enum(['minio', 'seaweedfs']),
  temporalUi: z.string(),
  services: z.array(
    z.object({
      name: z.enum(SERVICE_NAMES),
      address: z.string(),
      state: z.enum(['waiting', 'starting', 'ready', 'restarting', 'stopped']),
      pid: z.int().optional(),
      startTicks: z.string().optional(),
      restarts: z.int(),
      cause: z.string().optional(),
      log: z.string(),
    }),
  ),
});

/** What a running supervisor says of itself and its servers. */
export type StackRecord = z.output<typeof schema>;

/** The record of the stack that runs from this folder; undefined when none does. */
export async function readRunning(layout: Layout): Promise<StackRecord | undefined> {
  const record = await readRecord(layout);
  return record !== undefined && isAlive(record) ? record : undefined;
}

async function readRecord(layout: Layout): Promise<StackRecord | undefined> {
  const parsed = schema.safeParse(await readJson(layout.record));
  return parsed.success ? parsed.data : undefined;
}

/** Ends what a supervisor that died left behind: those processes, and only those, that it recorded. */
export async function reapRemains(layout: Layout): Promise<readonly number[]> {
  const record = await readRecord(layout);
  if (record === undefined) return [];
  if (isAlive(record)) {
    throw new KdxError('Configuration', `a stack runs already (supervisor ${record.pid})`);
  }
  const remains = record.services.flatMap(({ pid, startTicks }) =>
    pid !== undefined && startTicks !== undefined ? [{ pid, startTicks }] : [],
  );
  const alive = remains.filter(isAlive);
  for (const { pid } of alive) trySignal(-pid, 'SIGKILL');
  while (alive.some(isAlive)) await sleep(30);
  await rm(layout.record, { force: true });
  return alive.map(({ pid }) => pid);
}
