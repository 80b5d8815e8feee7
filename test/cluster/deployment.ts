import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { ROOT } from '../../environment/root.ts';
import type { JobSettings } from '../../k8s/settings.ts';
import { STUDY_QUEUE } from '../../leg/queues.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { openS3Store } from '../../stores/s3.ts';
import { refreshCodeIndex } from '../../stack/code-index.ts';
import type { StudyInput } from '../../study/schema.ts';
import type { StudySummary } from '../../workflows/study.ts';
import { freePorts, serverFolder, startServer, type TestServer } from '../servers/process.ts';
import type { TestS3 } from '../servers/s3.ts';
import { startTemporal } from '../servers/temporal.ts';

const STUDY = join(import.meta.dirname, '../fixtures/brief-study.json');

/** A Temporal server, a bucket, and one worker of ours, on this machine; its legs run where they should. */
export type Deployment = {
  readonly store: ArtifactStore;
  readonly client: Client;
  readonly worker: TestServer;
  /**
   * Starts the brief study, its trainings of as many epochs and with other fields, and resolves at its
   * end; rejects with its failure.
   */
  run(epochs?: number, changes?: Partial<StudyInput>): Promise<StudySummary>;
  stop(): Promise<void>;
};

/** @param settings of the cluster that legs are Jobs of; absent: they are processes beside the worker */
export async function deploy(
  server: TestS3,
  bucket: string,
  settings?: JobSettings,
): Promise<Deployment> {
  await refreshCodeIndex();
  const [temporal, folder, [health = 0]] = await Promise.all([
    startTemporal(),
    serverFolder('worker'),
    freePorts(1),
  ]);
  const s3 = server.s3(bucket);
  const store = openS3Store(s3);
  await store.ensureBucket();
  const clusterFile = join(folder, 'cluster.json');
  if (settings !== undefined) await writeFile(clusterFile, JSON.stringify(settings));
  const ready = `http://127.0.0.1:${health}/ready`;
  const worker = await startServer({
    ...{ name: 'worker', folder, url: ready, program: process.execPath },
    args: [join(ROOT, 'bin/worker.ts')],
    env: {
      ...environmentOf(folder),
      KDX_TEMPORAL_ADDRESS: temporal.address,
      KDX_TEMPORAL_NAMESPACE: 'default',
      KDX_S3_ENDPOINT: s3.endpoint,
      KDX_S3_BUCKET: bucket,
      KDX_S3_ACCESS_KEY: s3.accessKey,
      KDX_S3_SECRET_KEY: s3.secretKey,
      // Nobody records: studies do not wait for it.
      KDX_MLFLOW_URL: 'http://127.0.0.1:9',
      KDX_ROLES: settings === undefined ? 'workflows,legs,reports' : 'workflows,jobs,reports',
      KDX_HEALTH_PORT: String(health),
      ...(settings === undefined ? {} : { KDX_CLUSTER_FILE: clusterFile }),
    },
    isReady: async () => (await fetch(ready)).ok,
  }).catch(async (error: unknown) => {
    await temporal.stop();
    throw error;
  });
  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection });
  return {
    ...{ store, client, worker },
    run: (epochs, changes) => runBrief(client, epochs, changes),
    stop: async () => {
      await connection.close();
      await worker.stop();
      await temporal.stop();
    },
  };
}

/** The brief study from its start to its end, its trainings of as many epochs and with other fields. */
export async function runBrief(
  client: Client,
  epochs = 6,
  changes: Partial<StudyInput> = {},
): Promise<StudySummary> {
  const text = await readFile(STUDY, 'utf8');
  const brief = JSON.parse(text.replaceAll('"epochs": 6', `"epochs": ${epochs}`)) as StudyInput;
  const study = { ...brief, ...changes };
  const options = { taskQueue: STUDY_QUEUE, workflowId: `reproduce/${study.name}`, args: [study] };
  return (await client.workflow.execute('reproduce', options)) as StudySummary;
}

function environmentOf(folder: string): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      ['PATH', 'HOME', 'KUBECONFIG'].includes(entry[0]) && entry[1] !== undefined,
  );
  return {
    ...Object.fromEntries(inherited),
    ...{ KDX_STATE_DIR: join(folder, 'state'), KDX_CACHE_DIR: join(folder, 'cache') },
    KDX_CHECKPOINT_SECONDS: '1',
  };
}
