import test from 'ava';

import { tf } from '../../../learning/engine/backend.ts';
import { encodeTensors } from '../../../learning/engine/safetensors.ts';
import { tensorShapes } from '../../../learning/exchange/tensor-shapes.ts';
import { loadNetwork } from '../../../learning/networks.ts';
import { inputChange } from '../../../study/imported-teacher.ts';

const STUDY = { mean: [0.2, 0.3, 0.4], std: [0.5, 0.6, 0.7] };
const OWN = { mean: [0.5, 0.4, 0.6], std: [0.25, 0.3, 0.2] };

/** Weights that are alike in every run, and no two of them the same. */
function weights(): Uint8Array {
  const entries = [...tensorShapes('resnet8', 10)].map(([name, shape]) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const low = name.endsWith('variance') ? 1 : -0.5;
    const values = Float32Array.from({ length: size }, (_, i) => low + ((i * 37) % 101) / 101);
    return [name, { shape, values }] as const;
  });
  return encodeTensors({ tensors: new Map(entries), metadata: {} });
}

function normalised(pixels: tf.Tensor4D, { mean, std }: typeof STUDY): tf.Tensor4D {
  return tf.div(tf.sub(pixels, tf.tensor1d(mean)), tf.tensor1d(std));
}

test('a network of another normalisation sees pixels as it was trained on them', (t) => {
  const trained = { model: { name: 'resnet8' }, weights: 'w' } as const;
  const bytes = weights();
  const plain = loadNetwork(trained, { name: 'digits' }, bytes).network;
  const inputs = inputChange(STUDY, OWN);
  t.truthy(inputs);
  const changed = loadNetwork(
    { ...trained, ...(inputs && { inputs }) },
    { name: 'digits' },
    bytes,
  ).network;
  tf.tidy(() => {
    const pixels = tf.randomUniform<tf.Rank.R4>([2, 32, 32, 3], 0, 1, 'float32', 3);
    const pass = { mode: 'evaluate' } as const;
    const wanted = plain.forward(normalised(pixels, OWN), pass).logits;
    const found = changed.forward(normalised(pixels, STUDY), pass).logits;
    const scale = tf.max(tf.abs(wanted)).dataSync()[0] ?? NaN;
    t.true((tf.max(tf.abs(tf.sub(wanted, found))).dataSync()[0] ?? NaN) < 1e-4 * scale);
    const other = plain.forward(normalised(pixels, STUDY), pass).logits;
    t.true((tf.max(tf.abs(tf.sub(wanted, other))).dataSync()[0] ?? NaN) > 1e-3 * scale);
  });
  plain.dispose();
  changed.dispose();
});

test('equal normalisations change nothing', (t) => {
  t.is(inputChange(STUDY, { ...STUDY }), undefined);
});
