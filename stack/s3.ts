import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'minio';
import { KdxError } from '../leg/errors.ts';
import type { S3Environment } from '../environment/environment.ts';
import type { Layout } from './layout.ts';
import { seaweedfs } from './seaweedfs.ts';
import { portOf } from './settings.ts';
import type { Settings } from './settings.ts';
import type { Command, Service } from './service.ts';
import type { Toolchain } from './toolchain.ts';

export const BUCKET = 'kdx';
/** MLflow's artifacts, apart from ours: its user may delete them. */
export const TRACKING_BUCKET = 'kdx-mlflow';

export type S3Kind = 'minio' | 'seaweedfs';

/** MinIO where the user has it or asks for it, else SeaweedFS, which needs no build. */
export function chooseS3(
  wish: string | undefined,
  toolchain: Toolchain,
  isOnPath: (program: string) => boolean,
): S3Kind {
  if (wish === 'seaweedfs') return 'seaweedfs';
  if (wish !== 'minio') return isOnPath('minio') ? 'minio' : 'seaweedfs';
  if (toolchain.minio !== undefined) return 'minio';
  throw new KdxError('Configuration', 'KDX_S3: minio is not built; run: npm run setup -- --minio');
}

/** The object store; each kind keeps its data in a folder of its own. */
export function s3Service(
  kind: S3Kind,
  layout: Layout,
  settings: Settings,
  toolchain: Toolchain,
): Service {
  mkdirSync(join(layout.state, kind), { recursive: true });
  const environment = s3Environment(settings);
  return {
    name: 's3',
    address: environment.endpoint,
    ...(kind === 'minio' ? minio : seaweedfs)(layout, settings, toolchain),
    after: [],
    readyWithinSeconds: 90,
    graceSeconds: 2,
    probe: () => provideBuckets(environment),
  };
}

/** How our processes reach the store of this stack. */
export function s3Environment(settings: Settings): S3Environment {
  return {
    endpoint: `http://127.0.0.1:${portOf(settings, 's3')}`,
    ...settings.credentials,
    bucket: BUCKET,
  };
}

function minio(layout: Layout, settings: Settings, toolchain: Toolchain): Command {
  return {
    program: toolchain.minio ?? 'minio',
    folder: join(layout.state, 'minio'),
    args: [
      ...['server', '--quiet', '--address', `127.0.0.1:${portOf(settings, 's3')}`],
      ...['--console-address', `127.0.0.1:${portOf(settings, 's3Console')}`, '.'],
    ],
    env: {
      MINIO_ROOT_USER: settings.credentials.accessKey,
      MINIO_ROOT_PASSWORD: settings.credentials.secretKey,
      MINIO_UPDATE: 'off',
      MINIO_BROWSER: 'off',
    },
  };
}

/** Creates the buckets that are absent; that the store does this proves that it works. */
async function provideBuckets(environment: S3Environment): Promise<void> {
  const { hostname, port } = new URL(environment.endpoint);
  const client = new Client({
    endPoint: hostname,
    port: Number(port),
    useSSL: false,
    accessKey: environment.accessKey,
    secretKey: environment.secretKey,
    region: 'us-east-1',
  });
  for (const bucket of [BUCKET, TRACKING_BUCKET]) {
    if (!(await client.bucketExists(bucket))) await client.makeBucket(bucket, 'us-east-1');
  }
}
