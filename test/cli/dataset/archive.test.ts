import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import { checkArchive, unpackArchive } from '../../../cli/dataset/archive.ts';
import { ARCHIVES, EXPECTED_FILES } from '../../../study/dataset-manifest.ts';
import { blackFiles, folder, pack, zeros } from './archives.ts';

/** CIFAR-100 as its archive has it, before it is packed. */
async function unpacked(t: ExecutionContext): Promise<string> {
  const path = join(await folder(t), 'cifar-100-binary');
  await blackFiles(path, 'cifar100');
  return path;
}

test('takes the files of a dataset out of its archive, and nothing else', async (t) => {
  const path = await unpacked(t);
  await writeFile(join(path, 'fine_label_names.txt'), 'apple\n');
  await writeFile(join(path, 'test.bin'), randomBytes(1), { flag: 'r+' });
  const files = await unpackArchive('cifar100', await pack(path));
  t.deepEqual(
    [...files.keys()],
    EXPECTED_FILES.cifar100.map(({ name }) => name),
  );
  for (const [name, bytes] of files) {
    t.is(Buffer.compare(bytes, await readFile(join(path, name))), 0, name);
  }
});

test('refuses an archive that lacks a file', async (t) => {
  const path = await unpacked(t);
  await rm(join(path, 'test.bin'));
  await t.throwsAsync(unpackArchive('cifar100', await pack(path)), {
    code: 'DataMismatch',
    message: 'cifar100: test.bin in the archive is not there',
  });
});

test('refuses an archive whose file is cut short or too long', async (t) => {
  const path = await unpacked(t);
  for (const bytes of [30_739_999, 30_740_001]) {
    await zeros(join(path, 'test.bin'), bytes);
    await t.throwsAsync(unpackArchive('cifar100', await pack(path)), {
      code: 'DataMismatch',
      message: `cifar100: test.bin in the archive has ${bytes} bytes; wanted 30740000`,
    });
  }
});

test('refuses an archive that has a file twice', async (t) => {
  const path = await unpacked(t);
  await zeros(join(path, 'older', 'train.bin'), 10);
  await t.throwsAsync(unpackArchive('cifar100', await pack(path)), {
    code: 'DataMismatch',
    message: 'cifar100: train.bin in the archive is there twice',
  });
});

test('takes no link for a file', async (t) => {
  const path = await unpacked(t);
  await rename(join(path, 'test.bin'), join(path, 'elsewhere.bin'));
  await symlink('elsewhere.bin', join(path, 'test.bin'));
  await t.throwsAsync(unpackArchive('cifar100', await pack(path)), {
    code: 'DataMismatch',
    message: 'cifar100: test.bin in the archive is not there',
  });
});

test('refuses an archive that is cut short, and what is none', async (t) => {
  const path = await unpacked(t);
  await writeFile(join(path, 'train.bin'), randomBytes(2 ** 20), { flag: 'r+' });
  const archive = await pack(path);
  const bytes = await readFile(archive);
  for (const bad of [bytes.subarray(0, bytes.length / 2), randomBytes(4096)]) {
    await writeFile(archive, bad);
    await t.throwsAsync(unpackArchive('cifar100', archive), {
      code: 'DataMismatch',
      message: /^cifar100: .*cifar-100-binary\.tar\.gz does not unpack: /,
    });
  }
});

test('holds an archive against the published size and digest', async (t) => {
  const archive = join(await folder(t), 'cifar-10-binary.tar.gz');
  const { bytes, md5, url } = ARCHIVES.cifar10;
  await zeros(archive, bytes - 1);
  await t.throwsAsync(checkArchive('cifar10', archive), {
    code: 'DataMismatch',
    message: `cifar10: ${archive} has ${bytes - 1} bytes; wanted ${bytes}; this is no .tar.gz; download ${url} again`,
  });
  await zeros(archive, bytes);
  await t.throwsAsync(checkArchive('cifar10', archive), {
    code: 'DataMismatch',
    message: new RegExp(`has md5 [0-9a-f]{32}; wanted ${md5}; download ${url} again$`),
  });
});
