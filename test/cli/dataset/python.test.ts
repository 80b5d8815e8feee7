import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test from 'ava';

import { unpackArchive } from '../../../cli/dataset/archive.ts';
import { checkPythonMeta, recordsOfBatch } from '../../../cli/dataset/python.ts';
import { readSource } from '../../../cli/dataset/source.ts';
import { KdxError } from '../../../leg/errors.ts';
import { recordBytes } from '../../../study/dataset-manifest.ts';
import {
  folder,
  noiseFiles,
  pack,
  pythonBatch,
  pythonFiles,
  pythonMeta,
  writeFiles,
  type Archived,
} from './archives.ts';

/** The first records of the dataset's files: as many as a small batch has. */
function fewRecords(name: Archived, records: number): Uint8Array {
  const [bytes] = noiseFiles(name).values();
  return (bytes as Uint8Array).slice(0, records * recordBytes({ name }));
}

for (const [name, at] of [
  ['cifar10', 'cifar-10-batches-py'],
  ['cifar100', 'cifar-100-python'],
] as const) {
  test.serial(`all 60,000 images of ${name} in pickles become the binary records`, async (t) => {
    const files = noiseFiles(name);
    const path = join(await folder(t), at);
    await writeFiles(path, pythonFiles(name, files));
    const { kind, files: found } = await readSource(name, path);
    t.is(kind, 'folder');
    t.deepEqual([...found.keys()], [...files.keys()]);
    for (const [file, bytes] of found) {
      t.is(Buffer.compare(bytes, files.get(file) as Uint8Array), 0, file);
    }
    const archived = await unpackArchive(name, await pack(path), 'python');
    for (const [file, bytes] of archived) {
      t.is(Buffer.compare(bytes, files.get(file) as Uint8Array), 0, file);
    }
  });
}

test('a batch that is cut short, or would run code, is refused by its file', (t) => {
  const batch = pythonBatch('cifar10', fewRecords('cifar10', 20));
  const refused = (bytes: Uint8Array, why: RegExp): void => {
    const convert = (): unknown => recordsOfBatch('cifar10', 'data_batch_1', 20, bytes);
    const error = t.throws(convert, { instanceOf: KdxError });
    t.is(error?.code, 'DataMismatch');
    t.regex(error?.message ?? '', why);
  };
  refused(batch.subarray(0, batch.length - 100), /^cifar10: data_batch_1: byte \d+ .*cut short/);
  refused(
    Buffer.from('cos\nsystem\n(S"touch /tmp/x"\ntR.'),
    /^cifar10: data_batch_1: byte 0 .*it names os\.system/,
  );
  refused(Buffer.from(']'), /cut short/);
  refused(Buffer.from('].'), /^cifar10: data_batch_1 is a pickle of something else/);
  refused(Buffer.from('}.'), /data_batch_1 has no list labels/);
  refused(pythonBatch('cifar10', fewRecords('cifar10', 19)), /has 19 labels; wanted 20/);
  refused(
    pythonBatch('cifar100', fewRecords('cifar100', 20)),
    /^cifar10: data_batch_1 has no list labels/,
  );
  const swapped = Buffer.from(batch);
  swapped.write('i1', swapped.indexOf('u1'), 'latin1');
  refused(swapped, /has data of i1, 20 × 3072; wanted uint8 of 20 × 3072, row by row/);
});

test('names of classes in another order are refused', (t) => {
  for (const name of ['cifar10', 'cifar100'] as const) {
    t.notThrows(() => checkPythonMeta(name, 'meta', pythonMeta(name)));
  }
  const error = t.throws(() => checkPythonMeta('cifar10', 'batches.meta', pythonMeta('cifar100')), {
    instanceOf: KdxError,
  });
  t.is(
    error?.message,
    'cifar10: batches.meta label_names has undefined for class 0; wanted "airplane"',
  );
});

test('a folder of pickles that lacks one is refused by its name', async (t) => {
  const path = await folder(t);
  const batch = pythonBatch('cifar10', fewRecords('cifar10', 2));
  for (const i of [1, 2, 3, 4, 5]) await writeFile(join(path, `data_batch_${i}`), batch);
  await t.throwsAsync(readSource('cifar10', path), { message: /has 2 labels; wanted 10000/ });
  await rm(join(path, 'data_batch_1'));
  await t.throwsAsync(readSource('cifar10', path), {
    code: 'DataMismatch',
    message: /data_batch_1 is not there; the folder has to hold/,
  });
});
