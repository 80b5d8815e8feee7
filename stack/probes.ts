import { errorText } from '../leg/errors.ts';
import { STUDY_QUEUE } from '../leg/queues.ts';
import { openS3Store } from '../stores/s3.ts';
import type { Layout } from './layout.ts';
import { probeMlflow } from './mlflow.ts';
import type { StackRecord } from './record.ts';
import type { ServiceName } from './service.ts';
import { readSettings } from './settings.ts';
import { connections } from './stack.ts';
import { probePoller, probeTemporal } from './temporal.ts';

const PATIENCE_MILLISECONDS = 5000;

/** Of each server that does not do its work, why. */
export type Problems = Readonly<Partial<Record<ServiceName, string>>>;

/** Asks every server of a running stack to do a small piece of its work; S3 has to store something. */
export async function probeStack(layout: Layout, record: StackRecord): Promise<Problems> {
  const settings = await readSettings(layout);
  if (settings === undefined) return {};
  const { temporal, s3, mlflowUrl } = connections(layout, settings);
  const worker = record.services.find(({ name }) => name === 'worker');
  const probes: Readonly<Record<ServiceName, () => Promise<void>>> = {
    temporal: () => probeTemporal(temporal.address),
    s3: () => openS3Store({ ...s3, retrySeconds: 0 }).putLatest('probe', new Uint8Array(1)),
    mlflow: () => probeMlflow(mlflowUrl),
    worker: () => probePoller(temporal.address, STUDY_QUEUE, worker?.pid ?? 0),
  };
  const asked = record.services.filter(({ state }) => state === 'ready');
  const answers = await Promise.all(
    asked.map(async ({ name }) => [name, await problemOf(probes[name])] as const),
  );
  return Object.fromEntries(answers.filter(([, problem]) => problem !== undefined));
}

async function problemOf(probe: () => Promise<void>): Promise<string | undefined> {
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => {
    late.resolve(`no answer for ${PATIENCE_MILLISECONDS / 1000} s`);
  }, PATIENCE_MILLISECONDS);
  try {
    return await Promise.race([probe().then(() => undefined, errorText), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
