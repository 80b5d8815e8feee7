import test from 'ava';

import { tf } from '../../../learning/engine/backend.ts';
import { apart, exportedFolder, SUBJECTS } from './networks.ts';

for (const [name, subject] of Object.entries(SUBJECTS)) {
  test(`tfjs-node's reader of SavedModels finds the signature of ${name}, and its logits`, async (t) => {
    const { folder, check } = await exportedFolder(t, subject, 'savedmodel');
    const [meta] = await tf.node.getMetaGraphsFromSavedModel(folder);
    t.deepEqual(meta?.tags, ['serve']);
    const { inputs, outputs } = meta?.signatureDefs['serving_default'] ?? {};
    t.deepEqual(Object.keys(inputs ?? {}), ['images']);
    t.deepEqual(Object.keys(outputs ?? {}), ['logits']);
    const network = await tf.node.loadSavedModel(folder);
    const images = tf.tensor4d(check.images, [...check.shape]);
    const { logits } = network.predict({ images }) as { logits: tf.Tensor };
    t.true(apart(logits.dataSync(), check.logits) < 1e-4);
    const one = network.predict({ images: tf.slice(images, 0, 1) }) as { logits: tf.Tensor };
    t.deepEqual(one.logits.shape, [1, 10], 'any number of images');
    network.dispose();
  });
}
