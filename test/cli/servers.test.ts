import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import { findServers, requireServers } from '../../cli/servers.ts';

const CLUSTER = {
  KDX_TEMPORAL_ADDRESS: 'temporal.example:7233',
  KDX_S3_ENDPOINT: 'https://s3.example',
  KDX_S3_ACCESS_KEY: 'someone',
  KDX_S3_SECRET_KEY: 'something-secret',
  KDX_S3_BUCKET: 'kdx',
};

async function nowhere(t: ExecutionContext): Promise<{ readonly KDX_STATE_DIR: string }> {
  const path = await mkdtemp(join(tmpdir(), 'kdx-servers-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return { KDX_STATE_DIR: path };
}

test('without a stack and without variables there are no servers, and a command says what to do', async (t) => {
  const variables = await nowhere(t);
  t.is(await findServers(variables), undefined);
  await t.throwsAsync(requireServers(variables), {
    code: 'Configuration',
    message: /^no servers: .*kdx up --detach.*KDX_S3_ENDPOINT/,
  });
});

test('variables name servers of a cluster', async (t) => {
  const servers = await requireServers({ ...CLUSTER, ...(await nowhere(t)) });
  t.is(servers.origin, 'variables');
  t.deepEqual(servers.temporal(), { address: 'temporal.example:7233', namespace: 'default' });
  t.is(servers.s3().endpoint, 'https://s3.example');
});

test('the store alone is enough for what needs no other server; the one that is missing is named', async (t) => {
  const { KDX_TEMPORAL_ADDRESS: _address, ...store } = CLUSTER;
  const nowhereElse = { ...(await nowhere(t)), XDG_CONFIG_HOME: '/nowhere' };
  const servers = await requireServers({ ...store, ...nowhereElse });
  t.is(servers.s3().bucket, 'kdx');
  t.throws(() => servers.temporal(), {
    code: 'Configuration',
    message: /^KDX_TEMPORAL_ADDRESS .*: not set; .*\(KDX_S3_ENDPOINT is set, so variables name/,
  });
});

test("variables of Temporal's own tools choose no servers by themselves", async (t) => {
  const variables = { ...(await nowhere(t)), TEMPORAL_ADDRESS: 'temporal.example:7233' };
  t.is(await findServers(variables), undefined);
});
