import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';

import { isTorchTensor, readTorchCheckpoint } from '../../formats/torch-checkpoint.ts';
import { KdxError } from '../../leg/errors.ts';

/** Written by PyTorch: `test/fixtures/teachers/make.py`. */
const FOLDER = join(import.meta.dirname, '../fixtures/teachers');
const read = async (name: string): Promise<Uint8Array> => readFile(join(FOLDER, name));

const EXPECTED: Readonly<Record<string, readonly [shape: number[], values: number[]]>> = {
  transposed: [[6, 4], Array.from({ length: 24 }, (_, i) => Math.floor(i / 4) + 6 * (i % 4))],
  column: [[4], [2, 8, 14, 20]],
  part: [
    [2, 3],
    [7, 8, 9, 13, 14, 15],
  ],
  scalar: [[], [2.5]],
  empty: [[0, 3], []],
  bfloat16: [[2], [1.5, -2.25]],
  double: [[2], [0.5, 3]],
  long: [[2], [7, -9]],
  half: [[1], [0.25]],
  bool: [[2], [1, 0]],
  parameter: [[2], [4, 5]],
};

for (const file of ['views.pth', 'views-legacy.pth']) {
  test(`${file}: views, strides, offsets and every type of numbers are read as PyTorch means them`, async (t) => {
    const checkpoint = readTorchCheckpoint(await read(file), file);
    t.true(checkpoint instanceof Map);
    for (const [name, [shape, values]] of Object.entries(EXPECTED)) {
      const tensor = (checkpoint as ReadonlyMap<string, unknown>).get(name);
      if (!isTorchTensor(tensor)) return t.fail(`${name} is no tensor`);
      t.deepEqual(tensor.shape, shape, name);
      t.deepEqual([...tensor.values], values, name);
    }
    return undefined;
  });
}

for (const file of ['harm.pth', 'harm-legacy.pth']) {
  test(`${file}: a pickle that would run a command is refused by its name, and runs nothing`, async (t) => {
    const bytes = await read(file);
    const error = t.throws(() => readTorchCheckpoint(bytes, file), { instanceOf: KdxError });
    t.is(error?.code, 'DataMismatch');
    t.regex(error?.message ?? '', /posix\.system.*code to run/);
    t.false(existsSync('/tmp/kdx-harm'));
  });
}

for (const file of ['views.pth', 'views-legacy.pth']) {
  test(`${file}: cut short anywhere it is refused with its name`, async (t) => {
    const bytes = await read(file);
    for (let end = 0; end < bytes.length - 1; end += 97) {
      const error = t.throws(() => readTorchCheckpoint(bytes.subarray(0, end), 'cut.pth'), {
        instanceOf: KdxError,
      });
      t.true(error?.message.startsWith('cut.pth'), error?.message);
    }
  });
}

test('what is no checkpoint is refused in words', (t) => {
  const page = new TextEncoder().encode('<html>not found</html>');
  t.throws(() => readTorchCheckpoint(page, 'page.pth'), { message: /^page\.pth: / });
});
