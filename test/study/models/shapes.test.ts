import test from 'ava';

import { tf } from '../../../learning/engine/backend.ts';
import { modelNames } from '../../../learning/models/registry.ts';
import { featureShapes } from '../../../study/models/registry.ts';
import { randomNetwork } from '../../learning/networks.ts';

/** The two deepest take seconds, and are the same family as the others. */
const CHEAP = modelNames.filter((model) => !['resnet110', 'resnet32x4'].includes(model));

for (const model of CHEAP) {
  for (const imageSize of [16, 32]) {
    test(`the feature shapes of ${model} at ${imageSize} pixels are those of the network`, (t) => {
      const width = model === 'hme_ltb' ? { width: 4 } : {};
      const network = randomNetwork({ model, imageSize, ...width });
      const actual = tf.tidy(() => {
        const images = tf.zeros<tf.Rank.R4>([1, imageSize, imageSize, 3]);
        const inverseGateTemperature = tf.scalar(1);
        const { features } = network.forward(images, { mode: 'evaluate', inverseGateTemperature });
        return features.map(({ shape }) => shape.slice(1));
      });
      network.dispose();
      const { maps, embedding } = featureShapes(model, imageSize);
      t.deepEqual(
        [...maps.map((map) => [...map]), ...(embedding === undefined ? [] : [[embedding]])],
        actual,
      );
    });
  }
}
