import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';

const LAUNCH = join(import.meta.dirname, '../../scripts/setup/launch.mjs');

test('what the launcher starts keeps what Node has compiled beside the checkout, unless told where', async (t) => {
  const telling = 'console.log(process.env.NODE_COMPILE_CACHE)';
  const launching = `
    import { runNode } from ${JSON.stringify(LAUNCH)};
    await runNode({ node: process.execPath }, ['-e', ${JSON.stringify(telling)}]);`;
  const run = (variables: Readonly<Record<string, string>>) => {
    const { NODE_COMPILE_CACHE: _, ...env } = process.env;
    const options = { env: { ...env, ...variables }, extendEnv: false };
    return execa(options)(process.execPath, ['--input-type=module', '-e', launching]);
  };
  const root = join(import.meta.dirname, '../..');
  t.is((await run({})).stdout, join(root, '.kdx', 'compiled'));
  t.is((await run({ NODE_COMPILE_CACHE: '/tmp/x' })).stdout, '/tmp/x');
});

test('what the launcher starts reaches this machine without a proxy, whoever reads the variables', async (t) => {
  const server = createServer((_, response) => response.end('reached')).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const url = `http://127.0.0.1:${address.port}/`;
  const fetching = `console.log(await (await fetch(${JSON.stringify(url)})).text())`;
  const launching = `
    import { runNode } from ${JSON.stringify(LAUNCH)};
    const args = ['--input-type=module', '-e', ${JSON.stringify(fetching)}];
    process.exitCode = await runNode({ node: process.execPath }, args);`;
  const dead = 'http://127.0.0.1:9';
  const proxies = { http_proxy: dead, https_proxy: dead, HTTP_PROXY: dead, ALL_PROXY: dead };
  // The tests themselves were started by the launcher.
  const exemptions = { no_proxy: '', NO_PROXY: '', no_grpc_proxy: '' };
  const variables = { ...proxies, ...exemptions, NODE_USE_ENV_PROXY: '1' };
  const run = execa({ reject: false, env: variables });
  const direct = await run(process.execPath, ['--input-type=module', '-e', fetching]);
  const launched = await run(process.execPath, ['--input-type=module', '-e', launching]);
  t.not(direct.exitCode, 0, 'Node itself would ask the proxy');
  t.is(launched.stdout, 'reached', launched.stderr);
});
