import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readToolchain } from '../../stack/toolchain.ts';
import { freePorts, serverFolder, startServer, type TestServer } from './process.ts';

const GUARD_FOLDER = fileURLToPath(new URL('../../stack/guard/', import.meta.url));

/** MLflow on a SQLite file, with its artifacts in a folder behind its proxy. */
export async function startMlflow(): Promise<TestServer> {
  const { python } = await readToolchain();
  const folder = await serverFolder('mlflow');
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  return startServer({
    name: 'mlflow',
    url,
    program: python,
    args: [
      ...['-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port)],
      ...['--workers', '1', '--backend-store-uri', `sqlite:///${join(folder, 'mlflow.db')}`],
      ...['--serve-artifacts', '--artifacts-destination', join(folder, 'artifacts')],
    ],
    env: {
      MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
      MLFLOW_DISABLE_TELEMETRY: 'true',
      DO_NOT_TRACK: 'true',
      // Its web server is a second process, which must not outlive the first.
      PYTHONPATH: GUARD_FOLDER,
    },
    folder,
    isReady: async () => (await fetch(`${url}/health`)).ok,
  });
}
