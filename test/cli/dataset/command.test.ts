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
import { photoFiles, writeTree } from './images/samples.ts';

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
  t.regex(list.stdout, row('cifar10', 'here', '10 in 2', '32×32', '50000', '10000', '184.4'));
  t.true(list.stdout.includes(digest.slice(0, 12)));

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
  const { stdout, exitCode } = await run(variables, 'list', 'datasets');
  t.is(exitCode, 0);
  t.regex(stdout, row('digits', 'here', '10', '32×32', '4000', '1000', '0.9', 'correct'));
  t.regex(
    stdout,
    row('cifar100', 'not here', '100 in 20', '32×32', '50000', '10000', '–', 'paper,'),
  );
  t.regex(stdout, row('tiny-imagenet', 'not here', '–'));
  t.regex(stdout, /^ {2}kdx dataset add cifar10/m);
  t.is((await run(variables, 'dataset', 'list')).stdout, stdout);
  const json = await run(variables, 'list', 'datasets', '--json');
  const items = JSON.parse(json.stdout) as readonly { readonly name: string }[];
  t.like(
    items.find(({ name }) => name === 'cifar100'),
    {
      state: 'not here',
      classes: 100,
      superclasses: 20,
      imageSize: 32,
      presets: ['paper', 'correct'],
    },
  );
});

/** A line of the table that begins with these cells. */
function row(...cells: readonly string[]): RegExp {
  return new RegExp(`^${cells.join(' +')}( |$)`, 'm');
}

test('images of your own are added, listed and named by a study, from another machine too', async (t) => {
  const { home, store, variables, run } = await setUp(t, 'own');
  const files = await photoFiles({ train: 3, val: 2 }, ['ant', 'bee'], 40);
  const source = await writeTree(join(home, 'photos'), files);
  const study = JSON.parse(await readFile(join(ROOT, 'studies/digits.json'), 'utf8')) as object;
  const file = join(home, 'mine.json');
  await writeFile(file, JSON.stringify({ ...study, name: 'mine', dataset: { name: 'birds' } }));
  const absent = await run(variables, 'plan', file);
  t.is(absent.exitCode, 64, absent.stderr);
  t.regex(
    absent.stderr,
    /\$\.dataset\.name: found "birds"; allowed: digits, cifar10, cifar100, or one/,
  );

  const added = await run(variables, 'dataset', 'add', 'birds', '--from', source, '--size', '32');
  t.is(added.exitCode, 0, added.stderr);
  t.regex(
    added.stdout,
    /^birds: 6 training and 4 test images of 2 classes, 32 × 32, mean 0\.\d{4}/,
  );
  t.regex(added.stderr, /birds: 10 of 10 images decoded/);
  const digest = manifestDigest(await requireManifest(store, 'birds'));
  t.true(added.stdout.includes(digest));
  const list = await run(variables, 'list', 'datasets');
  t.regex(list.stdout, row('birds', 'here', '2', '32×32', '6', '4', '0.0', 'correct,', 'imagenet'));

  const plan = await run(variables, 'plan', file);
  t.is(plan.exitCode, 0, plan.stderr);
  t.false(plan.stdout.includes('nothing was looked up'), plan.stdout);
});

test('options and names that do not fit are refused before anything is read', async (t) => {
  const { variables, run } = await setUp(t, 'options');
  const add = (...args: readonly string[]) => run(variables, 'dataset', 'add', ...args);
  for (const [args, exit, why] of [
    [['cifar10', '--from', '.', '--size', '32'], 64, /--size 32 is given for cifar10; allowed/],
    [['digits', '--from', '.'], 64, /digits comes with the repository; allowed: cifar10, cifar100/],
    [['My Birds', '--from', '.'], 64, /name "My Birds"; allowed: .* of a-z, 0-9/],
    [['birds', '--from', '.', '--size', '48'], 64, /--size: found "48"; allowed: 32, 64/],
    [
      ['birds', '--from', '.', '--validation', '1'],
      64,
      /--validation: found "1"; allowed: a share between 0 and 1/,
    ],
    [['birds', '--from', '/nowhere'], 65, /birds: \/nowhere cannot be read/],
  ] as const) {
    const { exitCode, stderr } = await add(...args);
    t.is(exitCode, exit, stderr);
    t.regex(stderr, why);
  }
});

test('without servers, list says so and add ends with 78', async (t) => {
  const { home, run } = await setUp(t, 'none');
  const list = await run({}, 'dataset', 'list');
  t.is(list.exitCode, 0);
  t.regex(list.stdout, row('digits', 'here'));
  t.regex(list.stdout, row('cifar10', 'not known', '10'));
  t.regex(list.stdout, /^no servers: .*kdx up --detach/m);
  const add = await run({}, 'dataset', 'add', 'cifar10', '--from', home);
  t.is(add.exitCode, 78);
  t.regex(add.stderr, /Configuration: no servers: /);
});

test('its help says what is read and what a study then names', async (t) => {
  const { run } = await setUp(t, 'help');
  const { stdout } = await run({}, 'dataset', 'add', '--help');
  for (const { url } of Object.values(ARCHIVES)) t.true(stdout.includes(url));
  for (const word of [
    'cifar-10-batches-py',
    'val_annotations.txt',
    'train/<class>/',
    'Exit codes',
  ]) {
    t.true(stdout.includes(word), word);
  }
  t.true(stdout.includes('"dataset": { "name": "birds", "preset": "correct" }'));
});
