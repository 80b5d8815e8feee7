import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { readToolchain } from '../../stack/toolchain.ts';
import { freePorts, serverFolder, startServer, type TestServer } from './process.ts';

/** A Temporal dev server on a SQLite file, at an address of this machine; `address` is `host:port`. */
export async function startTemporal(
  ip = '127.0.0.1',
): Promise<TestServer & { readonly address: string }> {
  const { temporal } = await readToolchain();
  const folder = await serverFolder('temporal');
  const [port, http, metrics] = await freePorts(3);
  const address = `${ip}:${port}`;
  // Its own schedules' worker finds the server on the loopback interface alone.
  const bound = ip === '127.0.0.1' ? ip : '0.0.0.0';
  const server = await startServer({
    name: 'temporal',
    url: `http://${address}`,
    program: temporal,
    args: [
      ...['server', 'start-dev', '--headless', '--ip', bound, '--port', String(port)],
      ...['--http-port', String(http), '--metrics-port', String(metrics), '--log-level', 'warn'],
      ...['--db-filename', join(folder, 'temporal.db')],
      // Strict priority order needs one partition.
      ...['--dynamic-config-value', 'matching.numTaskqueueReadPartitions=1'],
      ...['--dynamic-config-value', 'matching.numTaskqueueWritePartitions=1'],
      ...['--dynamic-config-value', 'matching.enableFairness=true'],
    ],
    folder,
    isReady: () => answers(address),
  });
  return Object.assign(server, { address });
}

async function answers(address: string): Promise<boolean> {
  const connection = await Connection.connect({ address, connectTimeout: '2s' });
  try {
    await connection.withDeadline(Date.now() + 2000, () =>
      connection.workflowService.describeNamespace({ namespace: 'default' }),
    );
    return true;
  } finally {
    await connection.close();
  }
}
