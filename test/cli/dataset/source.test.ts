import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test from 'ava';

import { readSource } from '../../../cli/dataset/source.ts';
import { ARCHIVES, PYTHON_ARCHIVES } from '../../../study/dataset-manifest.ts';
import { blackFiles, folder, zeros } from './archives.ts';

const URL = ARCHIVES.cifar10.url;

for (const [what, file, content, guess] of [
  [
    'a .tar that a browser unpacked',
    'cifar-10-binary.tar.gz',
    `${'x'.repeat(257)}ustar`,
    'unpack it (tar -xf cifar-10-binary.tar.gz) and give the folder',
  ],
  ['a web page', 'cifar-10-binary.tar.gz', '<!DOCTYPE html>', 'this is a web page'],
  [
    'a download that was cut short',
    'cifar-10-binary.tar.gz',
    '\x1f\x8b\b',
    'the download was cut short; download',
  ],
  [
    'the matlab version by name',
    'cifar-10-matlab.tar.gz',
    '\x1f\x8b\b',
    `the binary version is ${URL}`,
  ],
  ['one file of the dataset', 'data_batch_1.bin', 'x', 'give the folder that holds all'],
  ['something else', 'notes.txt', 'hello', 'this is no .tar.gz'],
] as const) {
  test(`of an archive that is ${what}, it says so`, async (t) => {
    const path = join(await folder(t), file);
    await writeFile(path, content, 'latin1');
    const error = await t.throwsAsync(readSource('cifar10', path), { code: 'DataMismatch' });
    t.true(
      error.message.startsWith(`cifar10: ${path} has ${content.length} bytes; wanted 170052171; `),
    );
    t.true(error.message.includes(guess), error.message);
  });
}

test('of an archive with the size of another one, it says which that is', async (t) => {
  const path = join(await folder(t), 'download.tar.gz');
  await zeros(path, ARCHIVES.cifar100.bytes);
  await t.throwsAsync(readSource('cifar10', path), {
    message: /; this is the archive of cifar100$/,
  });
  await zeros(path, 170_498_071);
  await t.throwsAsync(readSource('cifar10', path), {
    message: /has md5 [0-9a-f]{32}; wanted c58f30108f718f92721af3b95e74349a; download .*python/,
  });
  await zeros(path, PYTHON_ARCHIVES.cifar100.bytes);
  await t.throwsAsync(readSource('cifar10', path), {
    message: /; this is the archive of cifar100$/,
  });
  const python = join(await folder(t), 'cifar-10-python.tar.gz');
  await zeros(python, 10);
  await t.throwsAsync(readSource('cifar10', python), {
    message: /has 10 bytes; wanted 170498071; this is no \.tar\.gz; download .*cifar-10-python/,
  });
});

test('of the parent folder, it says which folder is meant', async (t) => {
  const parent = await folder(t);
  const below = join(parent, 'cifar-10-batches-bin');
  await blackFiles(below, 'cifar10');
  await t.throwsAsync(readSource('cifar10', parent), {
    code: 'DataMismatch',
    message: `cifar10: ${join(parent, 'data_batch_1.bin')} is not there; it is one folder further down: kdx dataset add cifar10 --from ${below}`,
  });
});

test('of names in upper case, of the python version and of another dataset, it says so', async (t) => {
  const upper = await folder(t);
  await blackFiles(upper, 'cifar10');
  await rename(join(upper, 'data_batch_1.bin'), join(upper, 'DATA_BATCH_1.BIN'));
  await t.throwsAsync(readSource('cifar10', upper), {
    message: /; DATA_BATCH_1\.BIN is there: rename it, names are in lower case$/,
  });
  const python = await folder(t);
  await mkdir(join(python, 'cifar-10-batches-py'));
  await writeFile(join(python, 'cifar-10-batches-py', 'data_batch_1'), 'pickle');
  await t.throwsAsync(readSource('cifar10', python), {
    message: /; it is one folder further down: kdx dataset add cifar10 --from .*batches-py$/,
  });
  const other = await folder(t);
  await blackFiles(other, 'cifar100');
  await t.throwsAsync(readSource('cifar10', other), {
    message: /; the files of cifar100 are there$/,
  });
  const archive = await folder(t);
  await writeFile(join(archive, 'cifar-10-binary.tar.gz'), '');
  await t.throwsAsync(readSource('cifar10', archive), {
    message:
      /; the archive is there: kdx dataset add cifar10 --from \/.*\/cifar-10-binary\.tar\.gz$/,
  });
  const empty = await folder(t);
  await t.throwsAsync(readSource('cifar10', empty), {
    message: /; the folder has to hold data_batch_1\.bin, .*test_batch\.bin$/,
  });
});

test('of a file of another size, it says how many images that are', async (t) => {
  const path = await folder(t);
  await blackFiles(path, 'cifar10');
  const file = join(path, 'test_batch.bin');
  for (const [bytes, images] of [
    [30_729_999, 'no whole number of 3073-byte images'],
    [3073 * 9000, '9000 images'],
  ] as const) {
    await zeros(file, bytes);
    await t.throwsAsync(readSource('cifar10', path), {
      message: `cifar10: ${file} has ${bytes} bytes (${images}); wanted 30730000 (10000 images)`,
    });
  }
});

test('of a path to nothing and a member that is a folder, it says so', async (t) => {
  const path = await folder(t);
  await t.throwsAsync(readSource('cifar10', join(path, 'nowhere')), {
    code: 'DataMismatch',
    message: /nowhere cannot be read: .*ENOENT/,
  });
  await mkdir(join(path, 'data_batch_1.bin'));
  await t.throwsAsync(readSource('cifar10', path), { message: /data_batch_1\.bin is not there/ });
});
