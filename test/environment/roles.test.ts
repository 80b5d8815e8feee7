import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { checkVariables } from '../../environment/environment.ts';
import { readPorts, readRoles } from '../../environment/roles.ts';
import { readS3Environment } from '../../environment/s3.ts';
import { readLegEnvironment } from '../../environment/trainer.ts';
import type { KdxError } from '../../leg/errors.ts';

test('a worker that is told nothing does all that needs no cluster', (t) => {
  t.deepEqual(readRoles({}), { roles: ['workflows', 'legs', 'reports', 'records'] });
});

test('roles come as a list, with what they need', (t) => {
  const variables = { KDX_ROLES: 'jobs,workflows', KDX_CLUSTER_FILE: '/etc/kdx/cluster.json' };
  const expected = { roles: ['jobs', 'workflows'], clusterFile: '/etc/kdx/cluster.json' };
  t.deepEqual(readRoles(variables), expected);
  const pooled = { KDX_ROLES: 'legs', KDX_POOL_FLAVOUR: 'a100' };
  t.deepEqual(readRoles(pooled), { roles: ['legs'], poolFlavour: 'a100' });
});

for (const [variables, message] of [
  [{ KDX_ROLES: 'jobs' }, 'KDX_CLUSTER_FILE: not set; the role jobs needs it'],
  [
    { KDX_ROLES: 'workflows', KDX_POOL_FLAVOUR: 'a100' },
    'KDX_POOL_FLAVOUR: set without the role legs, which alone reads it',
  ],
] as const) {
  test(`${Object.keys(variables).join(' and ')} alone is refused`, (t) => {
    t.like(
      t.throws<KdxError>(() => readRoles(variables)),
      { code: 'Configuration', message },
    );
  });
}

for (const [name, value] of [
  ['KDX_ROLES', 'legs,trainers'],
  ['KDX_ROLES', 'legs,legs'],
  ['KDX_ROLES', ''],
  ['KDX_CLUSTER_FILE', 'cluster.json'],
  ['KDX_POOL_FLAVOUR', 'A100'],
  ['KDX_METRICS_PORT', '0'],
  ['KDX_HEALTH_PORT', '65536'],
] as const) {
  test(`${name}=${JSON.stringify(value)} is refused with what is allowed`, (t) => {
    const error = t.throws<KdxError>(() => checkVariables({ [name]: value }));
    t.is(error.code, 'Configuration');
    t.true(error.message.startsWith(`${name}: ${JSON.stringify(value)} is not `), error.message);
  });
}

test('ports are numbers, and absent where nobody asks for them', (t) => {
  t.deepEqual(readPorts({}), {});
  const ports = readPorts({ KDX_METRICS_PORT: '9464', KDX_HEALTH_PORT: '8080' });
  t.deepEqual(ports, { metricsPort: 9464, healthPort: 8080 });
});

const STORE = { KDX_S3_ENDPOINT: 'http://127.0.0.1:9000', KDX_S3_BUCKET: 'kdx' };

test('credentials of the store are read from the files of a mounted secret', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-credentials-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const variables = { ...STORE, KDX_S3_CREDENTIALS_DIR: folder };
  t.regex(
    t.throws<KdxError>(() => readS3Environment(variables)).message,
    new RegExp(`^KDX_S3_CREDENTIALS_DIR: ${folder}/accessKey cannot be read: ENOENT`),
  );
  await writeFile(join(folder, 'accessKey'), 'someone\n');
  await writeFile(join(folder, 'secretKey'), 'short');
  // The file has the variable's rule, and its value is not repeated either.
  t.is(
    t.throws(() => readS3Environment(variables)).message,
    'KDX_S3_SECRET_KEY: a value of 5 characters is not at least 8 characters',
  );
  await writeFile(join(folder, 'secretKey'), 'something-secret\n');
  const { accessKey, secretKey } = readS3Environment(variables);
  t.deepEqual([accessKey, secretKey], ['someone', 'something-secret']);
  t.is(
    t.throws(() => readS3Environment({ ...variables, KDX_S3_ACCESS_KEY: 'someone' })).message,
    'KDX_S3_ACCESS_KEY: set beside KDX_S3_CREDENTIALS_DIR; allowed: one of the two ways',
  );
});

test('the host of a leg is its node, where it is told one', (t) => {
  const variables = {
    ...STORE,
    ...{ KDX_S3_ACCESS_KEY: 'someone', KDX_S3_SECRET_KEY: 'something-secret' },
    ...{ KDX_LEG: 'a'.repeat(64), KDX_PROCESS: 'pod-uid', KDX_NODE: 'gpu-node-7' },
  };
  t.is(readLegEnvironment(variables).host, 'gpu-node-7');
  const message = /^KDX_NODE: "a b"; it must be the name of a machine$/;
  t.throws(() => readLegEnvironment({ ...variables, KDX_NODE: 'a b' }), { message });
});
