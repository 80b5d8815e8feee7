import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { InferenceSession, Tensor } from 'onnxruntime-node';

import { apart, exportedFolder, SUBJECTS } from './networks.ts';

for (const [name, subject] of Object.entries(SUBJECTS)) {
  test(`ONNX Runtime computes the logits of ${name}`, async (t) => {
    const { folder, check } = await exportedFolder(t, subject, 'onnx');
    const session = await InferenceSession.create(join(folder, 'model.onnx'));
    t.deepEqual([session.inputNames, session.outputNames], [['images'], ['logits']]);
    const { images, shape } = JSON.parse(await readFile(join(folder, 'check.json'), 'utf8')) as {
      images: number[];
      shape: number[];
    };
    t.is(shape[1], 3, 'channels come first');
    const feed = new Tensor('float32', Float32Array.from(images), shape);
    const { logits } = await session.run({ images: feed });
    const found = logits?.data as Float32Array;
    t.true(apart(found, check.logits) < 1e-4, String(apart(found, check.logits)));
    const values = images.length / (shape[0] ?? 1);
    const first = new Tensor('float32', Float32Array.from(images.slice(0, values)), [
      1,
      ...shape.slice(1),
    ]);
    t.deepEqual((await session.run({ images: first }))['logits']?.dims, [1, 10]);
    await session.release();
  });
}
