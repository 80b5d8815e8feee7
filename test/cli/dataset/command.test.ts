import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';

import { requireManifest } from '../../../stores/datasets.ts';
import { openS3Store } from '../../../stores/s3.ts';
import { ARCHIVES, manifestDigest } from '../../../study/dataset-manifest.ts';
import { startSeaweedfs } from '../../servers/seaweedfs.ts';
import type { TestS3 } from '../../servers/s3.ts';
import { folder, noiseFiles, writeFiles } from './archives.ts';

const ROOT = join(import.meta.dirname, '../../..');

let server: TestS3;
test.before(async () => void (server = await startSeaweedfs()));
test.after.always(() => server.stop());

/** The command line on a store of its own, without a stack. */
async function setUp(t: ExecutionContext, bucket: string) {
  const home = await folder(t);
  const s3 = server.s3(bucket);
  const store = openS3Store(s3);
  await store.ensureBucket();
  const variables = {
    KDX_S3_ENDPOINT: s3.endpoint,
    KDX_S3_ACCESS_KEY: s3.accessKey,
    KDX_S3_SECRET_KEY: s3.secretKey,
    KDX_S3_BUCKET: bucket,
  };
  const run = (env: Readonly<Record<string, string>>, ...args: readonly string[]) =>
    execa({ reject: false, env: { ...env, KDX_STATE_DIR: home }, cwd: home })(process.execPath, [
      join(ROOT, 'bin/kdx.ts'),
      ...args,
    ]);
  return { home, store, variables, run };
}

test('adds a folder to the store, from which plan and list on another machine have it', async (t) => {
  const { home, store, variables, run } = await setUp(t, 'added');
  const source = join(home, 'cifar-10-batches-bin');
  await writeFiles(source, noiseFiles('cifar10'));
  await writeFile(join(source, 'readme.html'), 'not of the dataset');
  const study = JSON.parse(await readFile(join(ROOT, 'studies/digits.json'), 'utf8')) as object;
  const dataset = { name: 'cifar10', preset: 'correct' };
  const file = join(home, 'mine.json');
  await writeFile(file, JSON.stringify({ ...study, name: 'mine', dataset }));

  const before = await run(variables, 'plan', file);
  t.is(before.exitCode, 0, before.stderr);
  t.regex(before.stdout, /nothing was looked up: .*cifar10 is not in .*kdx dataset add cifar10/);

  const { stdout, exitCode, stderr } = await run(
    variables,
    'dataset',
    'add',
    'cifar10',
    '--from',
    source,
  );
  t.is(exitCode, 0, stderr);
  const digest = manifestDigest(await requireManifest(store, 'cifar10'));
  t.is(stdout, `cifar10: 60000 images in ${store.location}, digest ${digest}`);
  const list = await run(variables, 'dataset', 'list');
  t.regex(
    list.stdout,
    new RegExp(`^cifar10 {3}here\\n {10}presets paper, correct\\n {10}${digest}$`, 'm'),
  );

  const after = await run(variables, 'plan', file);
  t.is(after.exitCode, 0, after.stderr);
  t.false(after.stdout.includes('nothing was looked up'), after.stdout);
});

test('what is refused leaves the store as it was, with exit code 65 and one line', async (t) => {
  const { home, store, variables, run } = await setUp(t, 'refused');
  const archive = join(home, 'cifar-10-binary.tar.gz');
  await writeFile(archive, 'x');
  const { exitCode, stderr } = await run(variables, 'dataset', 'add', 'cifar10', '--from', archive);
  t.is(exitCode, 65, stderr);
  t.is(stderr.split('\n').length, 1);
  t.regex(stderr, /has 1 bytes; wanted 170052171; this is no \.tar\.gz; download https:/);
  t.deepEqual(await store.list(''), []);
});

test('lists what is here and says how the rest comes here', async (t) => {
  const { variables, run } = await setUp(t, 'listed');
  const { stdout, exitCode } = await run(variables, 'dataset', 'list');
  t.is(exitCode, 0);
  t.regex(stdout, /^digits {4}here\n {10}presets correct\n {10}[0-9a-f]{64}$/m);
  t.regex(stdout, /^cifar100 {2}not here\n {10}presets paper, correct/m);
  t.true(stdout.includes(`curl -fLO ${ARCHIVES.cifar10.url}`));
  t.true(stdout.includes('kdx dataset add cifar10 --from cifar-10-binary.tar.gz'));
});

test('without servers, list says so and add ends with 78', async (t) => {
  const { home, run } = await setUp(t, 'none');
  const list = await run({}, 'dataset', 'list');
  t.is(list.exitCode, 0);
  t.regex(list.stdout, /^digits {4}here$/m);
  t.regex(list.stdout, /^cifar10 {3}not known$/m);
  t.regex(list.stdout, /^no servers: .*kdx up --detach/m);
  const add = await run({}, 'dataset', 'add', 'cifar10', '--from', home);
  t.is(add.exitCode, 78);
  t.regex(add.stderr, /Configuration: no servers: /);
});

test('its help says what to download and what a study then names', async (t) => {
  const { run } = await setUp(t, 'help');
  for (const args of [['--help'], ['add', '--help']]) {
    const { stdout } = await run({}, 'dataset', ...args);
    for (const { url } of Object.values(ARCHIVES)) t.true(stdout.includes(`curl -fLO ${url}`));
    t.true(stdout.includes('"dataset": { "name": "cifar10", "preset": "correct" }'));
  }
  const { stderr, exitCode } = await run({}, 'dataset', 'add', 'mnist', '--from', '.');
  t.not(exitCode, 0);
  t.regex(stderr, /Allowed choices are cifar10, cifar100/);
});
