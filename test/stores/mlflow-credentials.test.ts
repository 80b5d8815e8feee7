import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { openMlflow } from '../../stores/mlflow/client.ts';

/** A server that notes what it is asked with. */
async function listen(t: ExecutionContext) {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    request.resume().once('end', () => response.end('{}'));
  }).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/behind/a/path/`, asked };
}

for (const [what, credentials, expected] of [
  ['user and password', { username: 'ann', password: 'pä:ss' }, `Basic ${btoaUtf8('ann:pä:ss')}`],
  ['a token', { token: 'abc' }, 'Bearer abc'],
  ['no credentials', undefined, undefined],
] as const) {
  test(`${what} go with every request, below the path of the server`, async (t) => {
    const { url, asked } = await listen(t);
    const client = openMlflow({ url, credentials });
    await client.call('GET', 'experiments/get-by-name', { experiment_name: 'kdx' });
    await client.call('POST', 'runs/create', {});
    await client.putArtifact('1/report.html', new Uint8Array(3), 'text/html');
    t.deepEqual(
      asked.map(({ headers }) => headers.authorization),
      [expected, expected, expected],
    );
    t.deepEqual(
      asked.map(({ url: path }) => path?.split('?')[0]),
      [
        '/behind/a/path/api/2.0/mlflow/experiments/get-by-name',
        '/behind/a/path/api/2.0/mlflow/runs/create',
        '/behind/a/path/api/2.0/mlflow-artifacts/artifacts/1/report.html',
      ],
    );
  });
}

function btoaUtf8(text: string): string {
  return Buffer.from(text).toString('base64');
}
