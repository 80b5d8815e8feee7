import { readFile } from 'node:fs/promises';

import test from 'ava';

import { KdxError } from '../../leg/errors.ts';
import { allowNumpy, isNumpyArray, numbersOf, type NumpyArray } from '../../formats/numpy.ts';
import { readPickle } from '../../formats/pickle.ts';

const url = new URL('../fixtures/pickle/pickles.json', import.meta.url);
const written = JSON.parse(await readFile(url, 'utf8')) as Record<string, readonly string[]>;
const files = (written['arrays'] ?? []).map((text) => Buffer.from(text, 'base64'));

const read = (bytes: Uint8Array): unknown => readPickle(bytes, { allow: allowNumpy }, 'x').value;

function arraysOf(bytes: Uint8Array): ReadonlyMap<string, NumpyArray> {
  return read(bytes) as ReadonlyMap<string, NumpyArray>;
}

test('arrays of numpy are read from every protocol, with shape, type and order', (t) => {
  t.is(files.length, 6);
  for (const bytes of files) {
    const arrays = arraysOf(bytes);
    const get = (name: string): NumpyArray => arrays.get(name) as NumpyArray;
    t.true(isNumpyArray(get('u1')));
    t.deepEqual(get('u1').shape, [3, 4]);
    t.deepEqual([...get('u1').data], [...Array(12).keys()]);
    t.false(get('u1').isFortran);
    t.deepEqual(numbersOf(get('i8')), [-1, 2, 2 ** 40]);
    t.deepEqual(numbersOf(get('f4')), [0.5, -2]);
    t.deepEqual(numbersOf(get('big')), [1, 258]);
    t.deepEqual(numbersOf(get('flags')), [1, 0]);
    t.true(get('fortran').isFortran);
    t.deepEqual(get('fortran').shape, [2, 3]);
    t.is<unknown, unknown>(arrays.get('scalar'), 41);
  }
});

test('the names of numpy 1 mean the same', (t) => {
  const old = Buffer.from(
    (files[2] as Buffer).toString('latin1').replaceAll('numpy._core.', 'numpy.core.'),
    'latin1',
  );
  t.deepEqual(arraysOf(old), arraysOf(files[2] as Buffer));
});

/** Python 2's pickle of a 2 × 2 array of bytes, as CIFAR has it. */
function array2(type: string, data: string): Uint8Array {
  return Buffer.from(
    `\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x02K\x02\x86cnumpy\ndtype\nU\x02${type}K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U${String.fromCharCode(data.length)}${data}tb.`,
    'latin1',
  );
}

test('an array as Python 2 wrote it is read', (t) => {
  t.like(read(array2('u1', '\x00\x7f\x80\xff')), {
    shape: [2, 2],
    data: Buffer.from([0, 127, 128, 255]),
  });
});

test('an array whose data do not fill its shape, or of objects, is refused', (t) => {
  for (const [bytes, why] of [
    [array2('u1', 'abc'), /_reconstruct: 3 bytes of data; wanted 4 for shape 2 × 2/],
    [array2('O8', 'abcd'), /its type is O8; allowed: bool, int and uint/],
  ] as const) {
    const error = t.throws(() => read(bytes), { instanceOf: KdxError });
    t.is(error?.code, 'DataMismatch');
    t.regex(error?.message ?? '', why);
  }
});

test('nothing else of numpy may be named', (t) => {
  for (const name of ['load', 'constructor', 'toString'])
    t.is(allowNumpy('numpy', name), undefined);
  t.is(allowNumpy('numpy.core.multiarray', 'fromfile'), undefined);
});
