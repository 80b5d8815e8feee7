import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import test, { type ExecutionContext } from 'ava';

import { openTree } from '../../../../cli/dataset/images/open.ts';
import { folder } from '../archives.ts';
import { tarOf, writeTree, zipOf, type Files } from './samples.ts';

const FILES: Files = { 'b/train/x/2.png': 'two', 'a.txt': 'one', 'b/train/x/10.png': 'ten' };
const SORTED = [
  ['a.txt', 'one'],
  ['b/train/x/10.png', 'ten'],
  ['b/train/x/2.png', 'two'],
];

/** What is in a tree, once. */
async function contents(path: string): Promise<readonly (readonly [string, string])[]> {
  const tree = await openTree('mine', path);
  try {
    return await Promise.all(
      tree.files.map(
        async (file) => [file.path, Buffer.from(await file.read()).toString()] as const,
      ),
    );
  } finally {
    await tree.close();
  }
}

async function archive(t: ExecutionContext, bytes: Uint8Array): Promise<string> {
  const path = join(await folder(t), 'download');
  await writeFile(path, bytes);
  return path;
}

test('a folder, a zip and a tar, packed or not, hold the same files in the same order', async (t) => {
  t.deepEqual(await contents(await writeTree(await folder(t), FILES)), SORTED as never);
  for (const bytes of [zipOf(FILES), tarOf(FILES), gzipSync(tarOf(FILES))]) {
    t.deepEqual(await contents(await archive(t, bytes)), SORTED as never);
  }
});

test('a member that climbs out of its folder is refused by its name, in a zip and in a tar', async (t) => {
  for (const path of ['../up.png', 'a/../../up.png', '/etc/up.png', 'a\\..\\up.png', 'C:/up.png']) {
    for (const bytes of [zipOf({ [path]: 'x' }), tarOf({ [path]: 'x' })]) {
      const error = await t.throwsAsync(contents(await archive(t, bytes)), {
        code: 'DataMismatch',
      });
      const named = JSON.stringify(path.replaceAll('\\', bytes[0] === 0x50 ? '/' : '\\'));
      t.true(
        error?.message.includes(
          `${named} would lie outside of its folder; allowed: paths below it`,
        ) || error?.message.includes(`${JSON.stringify(path)} would lie outside`),
        error?.message,
      );
    }
  }
});

test('links and devices are refused in a zip and in a tar', async (t) => {
  const files = { 'train/x/link.png': '../../../../etc/passwd' };
  for (const [bytes, what] of [
    [zipOf(files, { 'train/x/link.png': { mode: 0o120777 } }), 'a link'],
    [zipOf(files, { 'train/x/link.png': { mode: 0o060644 } }), 'a device'],
    [tarOf(files, { 'train/x/link.png': { type: 'SymbolicLink' } }), 'a link'],
    [tarOf(files, { 'train/x/link.png': { type: 'Link' } }), 'a link'],
    [tarOf(files, { 'train/x/link.png': { type: 'FIFO' } }), 'a FIFO'],
  ] as const) {
    const path = await archive(t, bytes);
    await t.throwsAsync(contents(path), {
      code: 'DataMismatch',
      message: `${path}: member "train/x/link.png" is ${what}; allowed: files and folders`,
    });
  }
});

test('an archive that is cut short, changed or none is refused', async (t) => {
  const large = { 'train/x/1.png': Buffer.alloc(100_000, 7), 'train/x/2.png': 'x' };
  const tgz = gzipSync(tarOf(large));
  for (const bytes of [
    zipOf(large).subarray(0, 50_000),
    tarOf(large).subarray(0, 50_000),
    tgz.subarray(0, tgz.length / 2),
  ]) {
    await t.throwsAsync(contents(await archive(t, bytes)), {
      code: 'DataMismatch',
      message: /download does not unpack: .*; allowed: a whole /,
    });
  }
  const changed = await archive(t, zipOf(large, { 'train/x/2.png': { crc: 1 } }));
  await t.throwsAsync(contents(changed), {
    code: 'DataMismatch',
    message: /: train\/x\/2\.png has checksum 8cdc1683; wanted 00000001$/,
  });
  for (const [text, what] of [
    ['<!DOCTYPE html>', 'a web page'],
    ['hello', 'something else'],
    ['', 'something else'],
  ] as const) {
    await t.throwsAsync(contents(await archive(t, Buffer.from(text))), {
      code: 'DataMismatch',
      message: new RegExp(
        `is ${what}; allowed: a folder, or a \\.zip, \\.tar or \\.tar\\.gz of one$`,
      ),
    });
  }
  await t.throwsAsync(contents('/nowhere/at/all'), { message: /cannot be read: .*ENOENT/ });
});

test("a user's own folder may have links, but none to nothing and none in a circle", async (t) => {
  const real = await writeTree(await folder(t), { 'x/1.png': 'one' });
  const path = await writeTree(await folder(t), { 'train/y/2.png': 'two' });
  await symlink(join(real, 'x'), join(path, 'train', 'x'));
  t.deepEqual(await contents(path), [
    ['train/x/1.png', 'one'],
    ['train/y/2.png', 'two'],
  ]);
  await symlink(path, join(path, 'train', 'circle'));
  await t.throwsAsync(contents(path), { message: /circle is a link to a folder that it lies in$/ });
  const broken = await folder(t);
  await symlink('/nowhere.png', join(broken, 'lost.png'));
  await t.throwsAsync(contents(broken), {
    code: 'DataMismatch',
    message: /lost\.png cannot be read/,
  });
});
