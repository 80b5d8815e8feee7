import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { readEnvironment, writeEnvironment } from '../../environment/environment.ts';
import { readS3Environment } from '../../environment/s3.ts';
import type { KdxError } from '../../leg/errors.ts';

const ROOT = join(import.meta.dirname, '../..');
const GOOD = {
  KDX_TEMPORAL_ADDRESS: '127.0.0.1:7233',
  KDX_TEMPORAL_NAMESPACE: 'default',
  KDX_S3_ENDPOINT: 'http://127.0.0.1:9000',
  KDX_S3_ACCESS_KEY: 'someone',
  KDX_S3_SECRET_KEY: 'something-secret',
  KDX_S3_BUCKET: 'kdx',
  KDX_MLFLOW_URL: 'http://127.0.0.1:5000',
  KDX_STATE_DIR: '/var/lib/kdx',
  KDX_CACHE_DIR: '/var/cache/kdx',
};

test('what is written to a process is read back the same', (t) => {
  t.deepEqual(writeEnvironment(readEnvironment(GOOD)), GOOD);
});

test('a leg needs the store alone', (t) => {
  const { KDX_TEMPORAL_ADDRESS: _address, KDX_MLFLOW_URL: _url, ...store } = GOOD;
  t.is(readS3Environment(store).bucket, 'kdx');
});

for (const [name, value] of [
  ['KDX_TEMPORAL_ADDRESS', 'localhost'],
  ['KDX_TEMPORAL_ADDRESS', 'localhost:99999'],
  ['KDX_TEMPORAL_NAMESPACE', 'a b'],
  ['KDX_S3_ENDPOINT', '127.0.0.1:9000'],
  ['KDX_S3_BUCKET', 'Kdx'],
  ['KDX_MLFLOW_URL', 'ftp://host'],
  ['KDX_STATE_DIR', 'relative/path'],
  ['KDX_CACHE_DIR', ''],
  ['KDX_S3', 'ceph'],
  ['KDX_LEG_SLOTS', '0'],
  ['KDX_CHECKPOINT_SECONDS', '-1'],
  ['KDX_BLOB_CACHE_BYTES', '20'],
  ['KDX_BLOB_CACHE_BYTES', '20 GiB'],
  ['KDX_BLOB_CACHE_BYTES', '-1'],
  ['KDX_BLOB_CACHE_BYTES', '1e10'],
  ['KDX_BLOB_CACHE_BYTES', '1048575'],
] as const) {
  test(`${name}=${JSON.stringify(value)} is refused with its name, the value and what is allowed`, (t) => {
    const error = t.throws<KdxError>(() => readEnvironment({ ...GOOD, [name]: value }));
    t.is(error.code, 'Configuration');
    t.is(error.exitCode, 78);
    t.true(error.message.startsWith(`${name}: ${JSON.stringify(value)} is not `), error.message);
  });
}

test('a secret is not repeated in the message that refuses it', (t) => {
  const error = t.throws(() => readEnvironment({ ...GOOD, KDX_S3_SECRET_KEY: 'hunter2' }));
  t.false(error.message.includes('hunter2'));
  t.regex(
    error.message,
    /^KDX_S3_SECRET_KEY: a value of 7 characters is not at least 8 characters/,
  );
});

for (const [name, value] of [
  ['KDX_MLFLOW_URL', 'https://user:hunter2@mlflow.example'],
  ['KDX_MLFLOW_URL', 'user:hunter2@mlflow.example'],
  ['KDX_MLFLOW_URL', 'https://mlflow.example/?token=hunter2'],
  ['KDX_S3_ENDPOINT', 'http://user:hunter2@127.0.0.1:9000'],
  ['KDX_TEMPORAL_ADDRESS', 'user:hunter2@temporal.example:7233'],
] as const) {
  test(`${name} refuses credentials (${value.length} characters) and does not repeat them`, async (t) => {
    const error = t.throws<KdxError>(() => readEnvironment({ ...GOOD, [name]: value }));
    t.is(error.code, 'Configuration');
    t.regex(error.message, new RegExp(`^${name}: a value of ${value.length} characters is not `));
    const { stdout, stderr, exitCode } = await execa({
      reject: false,
      env: { ...GOOD, [name]: value },
    })(process.execPath, [join(ROOT, 'bin/kdx.ts'), 'list']);
    t.is(exitCode, 78);
    t.false(`${stdout}${stderr}${error.stack}`.includes('hunter2'));
  });
}

test('MLflow takes user and password, else a token, under the names of its own clients', (t) => {
  const credentialsOf = (variables: Readonly<Record<string, string>>) =>
    readEnvironment({ ...GOOD, ...variables }).mlflowCredentials;
  const account = { MLFLOW_TRACKING_USERNAME: 'ada', MLFLOW_TRACKING_PASSWORD: 'hunter2' };
  t.is(credentialsOf({}), undefined);
  t.is(credentialsOf({ MLFLOW_TRACKING_USERNAME: '', MLFLOW_TRACKING_PASSWORD: '' }), undefined);
  t.deepEqual(credentialsOf(account), { username: 'ada', password: 'hunter2' });
  t.deepEqual(credentialsOf({ ...account, MLFLOW_TRACKING_TOKEN: 'abc' }), {
    username: 'ada',
    password: 'hunter2',
  });
  t.deepEqual(credentialsOf({ MLFLOW_TRACKING_TOKEN: 'abc\n' }), { token: 'abc' });
  t.throws(() => credentialsOf({ MLFLOW_TRACKING_PASSWORD: 'hunter2' }), {
    message: /^MLFLOW_TRACKING_USERNAME: not set/,
  });
  const error = t.throws(() => credentialsOf({ MLFLOW_TRACKING_TOKEN: 'hunter2\nx' }));
  t.false(error.message.includes('hunter2'));
});

test('an absent variable is named', (t) => {
  const { KDX_S3_BUCKET: _bucket, ...rest } = GOOD;
  t.regex(t.throws(() => readEnvironment(rest)).message, /^KDX_S3_BUCKET: not set/);
});

test('an unknown KDX_ variable is refused, since it is a typing error', (t) => {
  const error = t.throws(() => readEnvironment({ ...GOOD, KDX_S3_ENPOINT: 'http://x' }));
  t.regex(error.message, /^KDX_S3_ENPOINT: unknown variable; known are .*KDX_S3_ENDPOINT/);
});

for (const command of [['up'], ['status'], ['env'], ['down'], ['study', 'studies/digits.json']]) {
  test(`kdx ${command[0]} ends with 78 and names a wrong variable`, async (t) => {
    const { exitCode, stderr } = await execa({
      reject: false,
      env: { KDX_STATE_DIR: 'not/absolute' },
    })(process.execPath, [join(ROOT, 'bin/kdx.ts'), ...command]);
    t.is(exitCode, 78);
    t.regex(
      stderr,
      /^kdx: Configuration: KDX_STATE_DIR: "not\/absolute" is not an absolute path$/m,
    );
  });
}

test('kdx study refuses a bad study with 64 before it looks for servers', async (t) => {
  const { exitCode, stderr } = await execa({ reject: false })(process.execPath, [
    ...[join(ROOT, 'bin/kdx.ts'), 'study', join(ROOT, 'package.json')],
  ]);
  t.is(exitCode, 64);
  t.regex(stderr, /SpecInvalid: .*package\.json: /);
});
