import test from 'ava';

import { plainBatch } from '../../../learning/data/batches.ts';
import { tf } from '../../../learning/engine/backend.ts';
import { createPredictor } from '../../../learning/evaluation/predict.ts';
import { randomSource } from '../data/images.ts';
import { randomNetwork } from '../networks.ts';

const IMAGES = Uint32Array.from({ length: 250 }, (_, index) => 299 - index);

test('each batch has its own logits and labels, and nothing is held in between', async (t) => {
  const source = randomSource(300);
  const gated = { network: randomNetwork({ imageSize: 8 }) };
  const predictor = createPredictor('eager', gated);
  const before = tf.memory().numTensors;
  const passes = [];
  for (let pass = 0; pass < 2; pass += 1) {
    passes.push(await predictor.predict({}, source, IMAGES));
    t.is(tf.memory().numTensors, before, `pass ${pass}`);
  }
  const [first, second] = passes;
  t.deepEqual(second, first);
  t.deepEqual(
    first?.labels,
    Uint8Array.from(IMAGES, (image) => source.set.labels[image] as number),
  );
  for (const start of [0, 100, 200]) {
    const images = IMAGES.subarray(start, start + 100);
    const alone = predictor.logitsOf(plainBatch(source, images));
    t.deepEqual(first?.logits.slice(start * 10, start * 10 + alone.length), alone);
  }
  predictor.dispose();
  gated.network.dispose();
});
