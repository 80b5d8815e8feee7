import test from 'ava';

import { lastMapShape } from '../../../distillers/maps.ts';
import { tf } from '../../../learning/engine/backend.ts';
import { seededInitialiser } from '../../../learning/engine/initialise.ts';
import type { Initialiser } from '../../../learning/engine/network.ts';
import { globalAveragePool } from '../../../learning/engine/pooling.ts';
import { stream } from '../../../learning/engine/random.ts';
import { buildNetwork } from '../../../learning/models/build.ts';
import { featureShapes, MODEL_NAMES } from '../../../study/models/models.ts';
import { MODELS } from '../../../study/models/registry.ts';
import { distance, randomNetwork, randomTensor } from '../networks.ts';

/** Depth only repeats blocks. */
const DEEP = ['resnet44', 'resnet56', 'resnet110', 'resnet32x4', 'resnet34', 'vgg16', 'vgg19'];

for (const model of MODEL_NAMES) {
  if (MODELS[model].isExplainer || DEEP.includes(model)) continue;
  test(`${model} gives all that a distiller may read`, (t) => {
    const network = randomNetwork({ model });
    tf.tidy(() => {
      const images = randomTensor<tf.Rank.R4>([2, 32, 32, 3]);
      const forward = network.forward(images, { mode: 'train', keepsPreActivations: true });
      const shapes = featureShapes(model, 32).maps.slice(1);
      t.deepEqual(
        forward.preActivations.map(({ shape }) => shape),
        shapes.map((shape) => [2, ...shape]),
      );
      const channels = shapes.map(([, , count]) => [count]);
      t.deepEqual(
        forward.norms?.map(({ gamma }) => gamma.shape),
        channels,
      );
      t.deepEqual(
        forward.norms?.map(({ beta }) => beta.shape),
        channels,
      );
      t.deepEqual(forward.lastMap?.shape, [2, ...(lastMapShape(featureShapes(model, 32)) ?? [])]);
      const pooled = globalAveragePool(forward.lastMap as tf.Tensor4D);
      const logits = forward.classify?.(pooled) as tf.Tensor2D;
      t.true(distance([...logits.dataSync()], [...forward.logits.dataSync()]) < 1e-5);
      const plain = network.forward(images, { mode: 'train' });
      t.is(plain.preActivations.length, 0);
      t.is(plain.norms?.length ?? 0, 0);
    });
    network.dispose();
  });
}

/** Shifts that no channel shares, so large that no ReLU cuts anything off. */
const shifting: Initialiser = (name, shape, initial) => {
  if (name.endsWith('/beta')) {
    return stream(7, name)
      .normal(shape[0] ?? 0)
      .map((value) => 50 + 10 * value);
  }
  return seededInitialiser((stored) => stream(1, stored))(name, shape, initial);
};

for (const model of ['vgg8', 'shufflenetv2']) {
  test(`each channel of ${model} before a ReLU has the norm that gave it`, (t) => {
    const network = buildNetwork({ model, classes: 10, imageSize: 32 }, shifting);
    tf.tidy(() => {
      const images = randomTensor<tf.Rank.R4>([4, 32, 32, 3]);
      const forward = network.forward(images, { mode: 'train', keepsPreActivations: true });
      for (const [stage, { beta }] of (forward.norms ?? []).entries()) {
        const means = tf.mean(forward.preActivations[stage] as tf.Tensor4D, [0, 1, 2]);
        t.true(distance([...means.dataSync()], [...beta.dataSync()]) < 1e-2, `stage ${stage + 1}`);
      }
      t.is(forward.norms?.length, model === 'vgg8' ? 4 : 3);
    });
    network.dispose();
  });
}
