import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';

import test from 'ava';

import { KdxError } from '../../../leg/errors.ts';
import { normalisation } from '../../../learning/data/batches.ts';
import {
  createImageSet,
  decodeRecords,
  readLabels,
  rowOf,
  unpack,
  type ImageSet,
} from '../../../learning/data/records.ts';
import { DIGITS_FOLDER, EXPECTED_FILES, recordBytes } from '../../../study/dataset-manifest.ts';
import { DATASETS, type DatasetName } from '../../../study/datasets.ts';

const SIZE = 32;
const PLANE = SIZE ** 2;

/** A value that says which record, channel, row and column it is of. */
function mark(record: number, channel: number, y: number, x: number): number {
  return (101 * record + 83 * channel + 7 * y + x) % 256;
}

/** Records as CIFAR has them: label bytes, then planes of red, green and blue, row by row. */
function planar(labels: readonly (readonly number[])[]): Uint8Array {
  const records = labels.map((bytes, record) => {
    const planes = Array.from({ length: 3 * PLANE }, (_, index) => {
      const [channel, pixel] = [Math.floor(index / PLANE), index % PLANE];
      return mark(record, channel, Math.floor(pixel / SIZE), pixel % SIZE);
    });
    return [...bytes, ...planes];
  });
  return Uint8Array.from(records.flat());
}

/** All images of a file, or those at some positions. */
function decode(
  dataset: DatasetName,
  file: { readonly name: string; readonly records: number },
  bytes: Uint8Array,
  used = Uint32Array.from({ length: file.records }, (_, image) => image),
): ImageSet {
  const set = createImageSet({ name: dataset }, readLabels({ name: dataset }, file, bytes), used);
  decodeRecords({ name: dataset }, bytes, set, 0);
  return set;
}

test('planes become three channels a pixel, row by row', (t) => {
  const set = decode('cifar10', { name: 'two', records: 2 }, planar([[7], [0]]));
  t.like(set, { count: 2, imageSize: SIZE });
  t.deepEqual([...set.labels], [7, 0]);
  const expected = Array.from({ length: 2 * PLANE * 3 }, (_, index) => {
    const pixel = Math.floor(index / 3);
    const y = Math.floor(pixel / SIZE) % SIZE;
    return mark(Math.floor(pixel / PLANE), index % 3, y, pixel % SIZE);
  });
  t.deepEqual([...set.pixels], expected);
});

test('the class of CIFAR-100 is the second label byte, the fine one', (t) => {
  const labels = [
    [19, 99],
    [4, 0],
  ];
  const set = decode('cifar100', { name: 'two', records: 2 }, planar(labels));
  t.deepEqual([...set.labels], [99, 0]);
  t.is(set.pixels[0], mark(0, 0, 0, 0));
  t.is(set.pixels[1], mark(0, 1, 0, 0));
});

test('a record without its last byte is refused with the bytes found and wanted', (t) => {
  const bytes = planar([[1], [2]]);
  const two = { name: 'test_batch.bin', records: 2 };
  t.is(bytes.length, 2 * recordBytes({ name: 'cifar10' }));
  for (const bad of [bytes.subarray(1), Uint8Array.of(...bytes, 0), new Uint8Array()]) {
    const error = t.throws(() => readLabels({ name: 'cifar10' }, two, bad), {
      instanceOf: KdxError,
    });
    t.is(error.code, 'DataMismatch');
    t.is(
      error.message,
      `cifar10: test_batch.bin has ${bad.length} bytes; wanted 6146 (2 records of 3073).`,
    );
  }
});

test('a label beyond the classes is refused by its record', (t) => {
  const file = { name: 'train.bin', records: 3 };
  for (const [dataset, labels, place] of [
    ['cifar10', [[9], [10], [11]], 'record 1 has label 10; allowed: 0 to 9'],
    [
      'cifar100',
      [
        [0, 99],
        [0, 0],
        [0, 100],
      ],
      'record 2 has label 100; allowed: 0 to 99',
    ],
  ] as const) {
    const error = t.throws(() => readLabels({ name: dataset }, file, planar(labels)), {
      instanceOf: KdxError,
    });
    t.is(error.code, 'DataMismatch');
    t.is(error.message, `${dataset}: train.bin, ${place}.`);
  }
});

test('files of a dataset follow one another', (t) => {
  const files = [[[1], [2]], [[3]]].map(planar);
  const set = createImageSet({ name: 'cifar10' }, Uint8Array.of(1, 2, 3), Uint32Array.of(0, 1, 2));
  for (const [position, first] of [0, 2].entries()) {
    decodeRecords({ name: 'cifar10' }, files[position] as Uint8Array, set, first);
  }
  const alone = files.map((bytes, position) =>
    decode('cifar10', { name: 'part', records: [2, 1][position] as number }, bytes),
  );
  t.deepEqual([...set.labels], [1, 2, 3]);
  t.deepEqual(
    [...set.pixels],
    alone.flatMap(({ pixels }) => [...pixels]),
  );
});

test('images that nothing uses take no memory, and all keep their positions', (t) => {
  const file = { name: 'four', records: 4 };
  const bytes = planar([[7], [0], [3], [5]]);
  const all = decode('cifar10', file, bytes);
  const some = decode('cifar10', file, bytes, Uint32Array.of(1, 3));
  const values = 3 * PLANE;
  t.is(some.pixels.length, 2 * values);
  t.deepEqual([...some.labels], [7, 0, 3, 5]);
  t.deepEqual(
    [0, 1, 2, 3, 4].map((image) => rowOf(some, image)),
    [undefined, 0, undefined, 1, undefined],
  );
  for (const [row, image] of [1, 3].entries()) {
    t.deepEqual(
      some.pixels.slice(row * values, (row + 1) * values),
      all.pixels.slice(image * values, (image + 1) * values),
    );
  }
});

test('a packed file that is cut short does not unpack, and is named', (t) => {
  const packed = gzipSync(planar([[1]]));
  t.deepEqual(Uint8Array.from(unpack('train.bin.gz', packed)), planar([[1]]));
  const cut = packed.subarray(0, packed.length - 9);
  const error = t.throws(() => unpack('train.bin.gz', cut), { instanceOf: KdxError });
  t.is(error.code, 'DataMismatch');
  t.regex(error.message, /^train\.bin\.gz does not unpack: /);
  t.is(unpack('train.bin', cut), cut, 'a file that is not packed is left as it is');
});

/** The digits to train on. */
async function trainDigits() {
  const [file] = EXPECTED_FILES.digits;
  if (file === undefined) throw new Error('the digits have no file');
  const url = new URL(`../../../${DIGITS_FOLDER}/${file.name}`, import.meta.url);
  return decode('digits', file, unpack(file.name, await readFile(url)));
}

test('mean and deviation of the preset `correct` are those of the digits, pixel by pixel', async (t) => {
  const { pixels, count } = await trainDigits();
  const { mean, std } = DATASETS.digits.presets.correct;
  const table = normalisation({ name: 'digits' }, 'correct');
  for (const channel of [0, 1, 2]) {
    const [plain, normalised] = [momentsOf(), momentsOf()];
    for (let index = channel; index < pixels.length; index += 3) {
      const value = pixels[index] as number;
      plain.add(value / 255);
      normalised.add(table[channel * 256 + value] as number);
    }
    t.is(plain.count(), count * PLANE);
    t.true(Math.abs(plain.mean() - mean[channel]!) < 1e-3, `mean ${plain.mean()}`);
    t.true(Math.abs(plain.deviation() - std[channel]!) < 1e-3, `deviation ${plain.deviation()}`);
    t.true(Math.abs(normalised.mean()) < 1e-3);
    t.true(Math.abs(normalised.deviation() - 1) < 1e-3);
  }
});

function momentsOf() {
  let [count, sum, squares] = [0, 0, 0];
  return {
    add: (value: number) => {
      count += 1;
      sum += value;
      squares += value ** 2;
    },
    count: () => count,
    mean: () => sum / count,
    deviation: () => Math.sqrt(squares / count - (sum / count) ** 2),
  };
}

test('the digits have every class of the ten, in train and test file alike', async (t) => {
  for (const file of EXPECTED_FILES.digits) {
    const url = new URL(`../../../${DIGITS_FOLDER}/${file.name}`, import.meta.url);
    const labels = readLabels({ name: 'digits' }, file, unpack(file.name, await readFile(url)));
    t.is(labels.length, file.records);
    t.is(new Set(labels).size, 10);
  }
});

test('a preset that a dataset does not have is refused with those it has', (t) => {
  for (const preset of ['exact', 'toString']) {
    const error = t.throws(() => normalisation({ name: 'cifar100' }, preset), {
      instanceOf: KdxError,
    });
    t.is(error.code, 'SpecInvalid');
    t.is(error.message, `dataset.preset is ${preset}; allowed: paper, correct.`);
  }
});
