import { existsSync } from 'node:fs';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';

import { publishDataset } from '../../../stores/datasets.ts';
import { openFolderStore } from '../../../stores/folder.ts';
import { ARCHIVES } from '../../../study/dataset-manifest.ts';
import { blackFiles, folder, zeros } from './archives.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** The command line with a cache of its own, and files of CIFAR-10 in a folder. */
async function setUp(t: ExecutionContext) {
  const home = await folder(t);
  const cacheDir = join(home, 'cache');
  const source = join(home, 'cifar-10-batches-bin');
  const env = { KDX_STATE_DIR: home, KDX_CACHE_DIR: cacheDir };
  const dataset = (...args: readonly string[]) =>
    execa({ reject: false, env })(process.execPath, [
      ...[join(ROOT, 'bin/kdx.ts'), 'dataset'],
      ...args,
    ]);
  return { home, cacheDir, source, dataset };
}

test('lists what is here and says how the rest comes here', async (t) => {
  const { dataset, cacheDir } = await setUp(t);
  const { stdout, exitCode } = await dataset('list');
  t.is(exitCode, 0);
  t.regex(stdout, /^digits {4}here\n {10}presets correct\n {10}\/.*learning\/data\/digits$/m);
  t.regex(stdout, /^cifar100 {2}not here\n {10}presets paper\n/m);
  const [, cifar10 = ''] = stdout.split(/^(?=cifar10 )/m);
  t.true(cifar10.includes('presets paper, correct'));
  t.true(cifar10.includes(join(cacheDir, 'datasets/cifar10')));
  t.true(cifar10.includes('data_batch_1.bin is not there'));
  t.true(cifar10.includes(`curl -fLO ${ARCHIVES.cifar10.url}`));
  t.true(cifar10.includes('kdx dataset add cifar10 cifar-10-binary.tar.gz'));
});

test('adds a folder of files, which the worker then publishes', async (t) => {
  const { dataset, cacheDir, source } = await setUp(t);
  const store = openFolderStore(join(cacheDir, 'store'));
  await store.ensureBucket();
  const publish = () => publishDataset(store, { root: ROOT, cacheDir }, 'cifar10');
  await t.throwsAsync(publish, {
    code: 'DataMismatch',
    message: /data_batch_1\.bin cannot be read \(kdx dataset --help says how to get it\)$/,
  });
  await blackFiles(source, 'cifar10');
  await writeFile(join(source, 'readme.html'), 'not of the dataset');
  const { stdout, exitCode, stderr } = await dataset('add', 'cifar10', source);
  t.is(exitCode, 0, stderr);
  const added = join(cacheDir, 'datasets/cifar10');
  t.is(stdout, `cifar10: 60000 images in ${added}`);
  t.deepEqual(await readdir(join(cacheDir, 'datasets')), ['cifar10']);
  t.false(existsSync(join(added, 'readme.html')));
  t.regex((await dataset('list')).stdout, /^cifar10 {3}here$/m);
  t.regex(await publish(), /^[0-9a-f]{64}$/);
});

test('replaces what was there, and leaves it where the new files are bad', async (t) => {
  const { dataset, cacheDir, source } = await setUp(t);
  await blackFiles(source, 'cifar10');
  const file = join(source, 'test_batch.bin');
  const added = join(cacheDir, 'datasets/cifar10/test_batch.bin');
  t.is((await dataset('add', 'cifar10', source)).exitCode, 0);
  await writeFile(file, Buffer.of(9), { flag: 'r+' });
  t.is((await dataset('add', 'cifar10', source)).exitCode, 0);
  t.is((await readFile(added))[0], 9);

  await writeFile(file, Buffer.of(10), { flag: 'r+' });
  const { exitCode, stderr } = await dataset('add', 'cifar10', source);
  t.is(exitCode, 65);
  t.regex(stderr, /test_batch\.bin, record 0 has label 10; allowed: 0 to 9/);
  t.is((await readFile(added))[0], 9, 'as it was');
  t.deepEqual(await readdir(join(cacheDir, 'datasets')), ['cifar10']);
});

test('refuses files that are missing or cut short, an archive that is not the published one, and a path to nothing', async (t) => {
  const { dataset, home, cacheDir, source } = await setUp(t);
  const refusal = async (path: string): Promise<string> => {
    const { exitCode, stderr } = await dataset('add', 'cifar10', path);
    t.is(exitCode, 65, stderr);
    t.is(stderr.split('\n').length, 1);
    return stderr;
  };
  await blackFiles(source, 'cifar10');
  await truncate(join(source, 'data_batch_3.bin'), 30_729_999);
  t.regex(
    await refusal(source),
    /DataMismatch: cifar10: .*data_batch_3\.bin has 30729999 bytes; wanted 30730000/,
  );
  t.regex(await refusal(home), /data_batch_1\.bin cannot be read/);
  const archive = join(home, 'cifar-10-binary.tar.gz');
  await zeros(archive, 1000);
  t.regex(await refusal(archive), /has 1000 bytes; wanted 170052171; download https:/);
  t.regex(await refusal(join(home, 'nowhere')), /nowhere cannot be read.*ENOENT/);
  t.false(existsSync(join(cacheDir, 'datasets')));
});

test('its help says what to download and what a study then names', async (t) => {
  const { dataset } = await setUp(t);
  for (const args of [['--help'], ['add', '--help']]) {
    const { stdout } = await dataset(...args);
    for (const { url } of Object.values(ARCHIVES)) t.true(stdout.includes(`curl -fLO ${url}`));
    t.true(stdout.includes('"dataset": { "name": "cifar10", "preset": "correct" }'));
  }
  const { stderr, exitCode } = await dataset('add', 'mnist', '.');
  t.not(exitCode, 0);
  t.regex(stderr, /Allowed choices are cifar10, cifar100/);
});
