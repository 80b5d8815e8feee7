import test from 'ava';
import fc from 'fast-check';

import { KdxError } from '../../../leg/errors.ts';
import {
  decodeTensors,
  encodeTensors,
  type StoredTensor,
  type TensorFile,
} from '../../../learning/engine/safetensors.ts';

const tensors: TensorFile['tensors'] = new Map<string, StoredTensor>([
  ['b/kernel', { shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) }],
  ['a', { shape: [], values: Float32Array.of(-0.5) }],
]);
const file: TensorFile = { tensors, metadata: { model: 'resnet8' } };

/** A file of a header and values of our choice. */
function fileOf(header: unknown, valueBytes: number): Uint8Array {
  const text = new TextEncoder().encode(
    typeof header === 'string' ? header : JSON.stringify(header),
  );
  const bytes = new Uint8Array(8 + text.length + valueBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const tensorOf = (shape: unknown, offsets: unknown, dtype: unknown = 'F32') => ({
  dtype,
  shape,
  data_offsets: offsets,
});

test('what is written is read again, whatever bits its values have', (t) => {
  const shape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
  const tensor = shape.chain((sizes) => {
    const length = sizes.reduce((product, size) => product * size, 1);
    return fc
      .float32Array({ minLength: length, maxLength: length })
      .map((values) => ({ shape: sizes, values }));
  });
  const named = fc.dictionary(fc.string({ minLength: 1 }), tensor).map((all) => {
    return new Map(Object.entries(all).filter(([name]) => name !== '__metadata__'));
  });
  const property = fc.property(
    named,
    fc.dictionary(fc.string(), fc.string()),
    (written, metadata) => {
      const read = decodeTensors(encodeTensors({ tensors: written, metadata }), 'a file');
      t.deepEqual({ ...read.metadata }, { ...metadata });
      t.deepEqual([...read.tensors.keys()].sort(), [...written.keys()].sort());
      for (const [name, { shape: sizes, values }] of read.tensors) {
        t.deepEqual(sizes, written.get(name)?.shape);
        t.deepEqual(bitsOf(values), bitsOf(written.get(name)?.values));
      }
    },
  );
  t.notThrows(() => fc.assert(property, { numRuns: 200 }));
});

test('a tensor may have any name, that of an object’s prototype too', (t) => {
  const tensor = { shape: [1], values: Float32Array.of(3) };
  for (const name of ['__proto__', 'constructor', 'toString', '0']) {
    const bytes = encodeTensors({ tensors: new Map([[name, tensor]]), metadata: {} });
    t.deepEqual([...decodeTensors(bytes, 'a file').tensors], [[name, tensor]]);
  }
});

function bitsOf(values: Float32Array = new Float32Array()): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

test('the same tensors give the same bytes in whatever order they come', (t) => {
  const turned = { tensors: new Map([...tensors].reverse()), metadata: { model: 'resnet8' } };
  t.deepEqual(encodeTensors(turned), encodeTensors(file));
});

test('the bytes are those of the format: length, header, values from a multiple of eight', (t) => {
  const bytes = encodeTensors(file);
  const view = new DataView(bytes.buffer);
  const length = Number(view.getBigUint64(0, true));
  t.is(length % 8, 0);
  const header: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  t.deepEqual(header, {
    __metadata__: { model: 'resnet8' },
    a: tensorOf([], [0, 4]),
    'b/kernel': tensorOf([2, 3], [4, 28]),
  });
  t.is(bytes.length, 8 + length + 28);
  t.is(view.getFloat32(8 + length, true), -0.5);
  t.is(view.getFloat32(8 + length + 24, true), 6);
});

const whole = encodeTensors(file);

const corruptions: Readonly<Record<string, readonly [Uint8Array, RegExp]>> = {
  'no bytes': [new Uint8Array(), /it has 0 bytes/],
  'less than a length': [whole.subarray(0, 7), /it has 7 bytes/],
  'a header that is cut short': [whole.subarray(0, 40), /its header ends at \d+, the file at 40/],
  'a length beyond all files': [
    whole.map((byte, index) => (index < 8 ? 255 : byte)),
    /its header ends at \d+, the file at/,
  ],
  'a header that is no JSON': [fileOf('{"a":', 0), /its header is no JSON object/],
  'a header that is a list': [fileOf([], 0), /its header is no JSON object/],
  'a header that is no UTF-8': [
    whole.map((byte, index) => (index === 12 ? 255 : byte)),
    /its header is no JSON object/,
  ],
  'values that are cut short': [
    whole.subarray(0, whole.length - 1),
    /b\/kernel of shape \[2, 3\] lies at \[4, 28\) of 27/,
  ],
  'values without a tensor': [new Uint8Array([...whole, 0]), /its tensors end at 28 of 29/],
  'another type of values': [
    fileOf({ a: tensorOf([1], [0, 2], 'F16') }, 2),
    /a has dtype F16; allowed: F32/,
  ],
  'a tensor that is none': [fileOf({ a: null }, 0), /a has dtype undefined; allowed: F32/],
  'a shape of fractions': [fileOf({ a: tensorOf([0.5], [0, 2]) }, 2), /a has no shape and offsets/],
  'one offset': [fileOf({ a: tensorOf([1], [0]) }, 4), /a has no shape and offsets/],
  'offsets that do not fit the shape': [
    fileOf({ a: tensorOf([2], [0, 4]) }, 4),
    /a of shape \[2\] lies at \[0, 4\) of 4/,
  ],
  'two tensors in one place': [
    fileOf({ a: tensorOf([2], [0, 8]), b: tensorOf([2], [4, 12]) }, 16),
    /b starts at 4; wanted 8/,
  ],
  'a gap between tensors': [
    fileOf({ a: tensorOf([1], [0, 4]), b: tensorOf([1], [8, 12]) }, 12),
    /b starts at 8; wanted 4/,
  ],
};

for (const [name, [bytes, why]] of Object.entries(corruptions)) {
  test(`a file with ${name} is refused by its name`, (t) => {
    const error = t.throws(() => decodeTensors(bytes, 'weights 12'), { instanceOf: KdxError });
    t.is(error.code, 'CheckpointCorrupt');
    t.true(error.message.startsWith('weights 12 is no readable safetensors file: '));
    t.regex(error.message, why);
  });
}
