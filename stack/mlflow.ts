import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Layout } from './layout.ts';
import { s3Environment, TRACKING_BUCKET } from './s3.ts';
import { portOf } from './settings.ts';
import type { Settings } from './settings.ts';
import type { Service } from './service.ts';
import type { Toolchain } from './toolchain.ts';

/** MLflow on a SQLite file; artifacts go through it into the object store. */
export function mlflowService(layout: Layout, settings: Settings, toolchain: Toolchain): Service {
  const folder = join(layout.state, 'mlflow');
  mkdirSync(folder, { recursive: true });
  const port = portOf(settings, 'mlflow');
  const url = `http://127.0.0.1:${port}`;
  const s3 = s3Environment(settings);
  return {
    name: 'mlflow',
    address: url,
    program: toolchain.python,
    folder,
    args: [
      ...['-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port)],
      ...['--workers', '1', '--backend-store-uri', 'sqlite:///mlflow.db'],
      ...['--serve-artifacts', '--artifacts-destination', `s3://${TRACKING_BUCKET}`],
    ],
    env: {
      // One process instead of five: 490 MB, not 1.6 GB.
      MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
      MLFLOW_S3_ENDPOINT_URL: s3.endpoint,
      MLFLOW_DISABLE_TELEMETRY: 'true',
      DO_NOT_TRACK: 'true',
      AWS_ACCESS_KEY_ID: s3.accessKey,
      AWS_SECRET_ACCESS_KEY: s3.secretKey,
      AWS_DEFAULT_REGION: 'us-east-1',
      // The server is a second process that must not outlive the first.
      PYTHONPATH: fileURLToPath(new URL('./guard/', import.meta.url)),
    },
    // What studies wait for has the processors first.
    after: ['worker'],
    readyWithinSeconds: 120,
    graceSeconds: 10,
    probe: () => probeMlflow(url),
  };
}

/** Throws unless the server says that it is well. */
export async function probeMlflow(url: string): Promise<void> {
  const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(2000) });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`${url}/health answers ${response.status}`);
}
