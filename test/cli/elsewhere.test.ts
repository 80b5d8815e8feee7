import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';

import { openS3Store } from '../../stores/s3.ts';
import { startSeaweedfs } from '../servers/seaweedfs.ts';

const KDX = join(import.meta.dirname, '../../bin/kdx.ts');

/** A checkout without a stack of its own. */
async function withoutStack(t: ExecutionContext) {
  const home = await mkdtemp(join(tmpdir(), 'kdx-elsewhere-'));
  t.teardown(() => rm(home, { recursive: true, force: true }));
  return (variables: Readonly<Record<string, string>>, ...args: readonly string[]) =>
    execa({ reject: false, env: { ...variables, KDX_STATE_DIR: home } })(process.execPath, [
      KDX,
      ...args,
    ]);
}

test('list, plan and verify work on a store that variables name', async (t) => {
  const server = await startSeaweedfs();
  t.teardown(() => server.stop());
  const { endpoint, accessKey, secretKey, bucket } = server.s3('elsewhere');
  const store = openS3Store(server.s3('elsewhere'));
  await store.ensureBucket();
  await store.putLatest('reports/over-there/index.html', Buffer.from('<p>'), 'text/html');
  const variables = {
    KDX_S3_ENDPOINT: endpoint,
    KDX_S3_ACCESS_KEY: accessKey,
    KDX_S3_SECRET_KEY: secretKey,
    KDX_S3_BUCKET: bucket,
  };
  const kdx = await withoutStack(t);

  const list = await kdx(variables, 'list');
  t.is(list.exitCode, 0, list.stderr);
  t.regex(list.stdout, /^over-there .*reports\/over-there\/index\.html$/m);

  const plan = await kdx(variables, 'plan', 'digits');
  t.is(plan.exitCode, 0, plan.stderr);
  t.regex(plan.stdout, /^digits: \d+ trials: \d+ to do, \d+ to do later$/m);
  t.false(plan.stdout.includes('nothing was looked up'));

  // Nothing has been computed there: all that can be said is that the dataset is not there either.
  const verify = await kdx(variables, 'verify', 'digits');
  t.is(verify.exitCode, 65, verify.stderr);
  t.regex(
    verify.stdout,
    /^– +teacher\/\S+ \w{12} result: no result under the code of this build$/m,
  );
});

test('plan plans without servers, and with a store that does not answer, and says so', async (t) => {
  const kdx = await withoutStack(t);
  const alone = await kdx({}, 'plan', 'digits', '--json');
  t.is(alone.exitCode, 0, alone.stderr);
  const answer = JSON.parse(alone.stdout) as {
    readonly problem: string;
    readonly trials: object[];
  };
  t.regex(answer.problem, /^nothing was looked up: no servers: /);
  t.true(answer.trials.length > 10);

  const variables = {
    KDX_S3_ENDPOINT: 'http://127.0.0.1:9',
    KDX_S3_ACCESS_KEY: 'someone',
    KDX_S3_SECRET_KEY: 'something-secret',
    KDX_S3_BUCKET: 'kdx',
  };
  const silent = await kdx(variables, 'plan', 'digits');
  t.is(silent.exitCode, 0, silent.stderr);
  t.regex(silent.stdout, /^nothing was looked up: .*127\.0\.0\.1:9/m);
  t.false(`${silent.stdout}${silent.stderr}`.includes('something-secret'));
});

test('status asks the servers that variables name, and says which does not answer', async (t) => {
  const server = await startSeaweedfs();
  t.teardown(() => server.stop());
  const { endpoint, accessKey, secretKey, bucket } = server.s3('status');
  await openS3Store(server.s3('status')).ensureBucket();
  const kdx = await withoutStack(t);
  const variables = {
    KDX_TEMPORAL_ADDRESS: '127.0.0.1:9',
    KDX_S3_ENDPOINT: endpoint,
    KDX_S3_ACCESS_KEY: accessKey,
    KDX_S3_SECRET_KEY: secretKey,
    KDX_S3_BUCKET: bucket,
  };
  const { exitCode, stdout } = await kdx(variables, 'status');
  t.is(exitCode, 1, stdout);
  t.regex(stdout, new RegExp(`^s3 +ready +${endpoint}/status$`, 'm'));
  t.regex(stdout, /^temporal +failing +127\.0\.0\.1:9 {2}\S/m);
  const told = await kdx(variables, 'status', '--json');
  t.like(JSON.parse(told.stdout), { healthy: false, services: { 1: { name: 's3' } } });
});

for (const command of ['list', 'verify', 'study']) {
  test(`kdx ${command} without servers ends with 78 and says how to get some`, async (t) => {
    const kdx = await withoutStack(t);
    const args = command === 'list' ? [] : ['studies/digits.json'];
    const { exitCode, stderr } = await kdx({}, command, ...args);
    t.is(exitCode, 78);
    t.regex(stderr, /^kdx: Configuration: no servers: .*kdx up --detach/m);
  });
}
