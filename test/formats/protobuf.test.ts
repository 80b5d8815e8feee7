import { createRequire } from 'node:module';
import test from 'ava';
import protobuf from 'protobufjs';

import { encodeMessage, mapFields, packed } from '../../formats/protobuf.ts';

const PROTO = createRequire(import.meta.url).resolve('@tensorflow/tfjs-node/src/proto/api.proto');
const type = (name: string): protobuf.Type => protobuf.loadSync(PROTO).lookupType(name);

test('another reader of protobuf finds what was written', (t) => {
  const list = encodeMessage([
    [3, packed([0, 1, 127, 128, 300, 2 ** 40])],
    [2, 'text'],
  ]);
  const found = type('tensorflow.AttrValue.ListValue').toObject(
    type('tensorflow.AttrValue.ListValue').decode(list),
    { longs: Number, bytes: String },
  );
  t.deepEqual(found['i'], [0, 1, 127, 128, 300, 2 ** 40]);
  t.deepEqual(found['s'], [Buffer.from('text').toString('base64')]);
});

test('negative sizes are two complements, maps are entries, floats are 32 bits', (t) => {
  const shape = encodeMessage([[2, [[1, -1]]]]);
  t.deepEqual(
    type('tensorflow.TensorShape').toObject(type('tensorflow.TensorShape').decode(shape), {
      longs: Number,
    }),
    { dim: [{ size: -1 }] },
  );
  const node = encodeMessage([
    [1, 'x'],
    ...mapFields(5, { alpha: [[4, { float: 0.5 }]], flag: [[5, 1]] }),
  ]);
  t.like(type('tensorflow.NodeDef').toObject(type('tensorflow.NodeDef').decode(node)), {
    name: 'x',
    attr: { alpha: { f: 0.5 }, flag: { b: true } },
  });
});
