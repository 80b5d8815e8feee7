import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';

import { readWeightsFile } from '../../../cli/teacher/file.ts';
import { tf } from '../../../learning/engine/backend.ts';
import { encodeTensors } from '../../../learning/engine/safetensors.ts';
import { recogniseNetwork, type Tensors } from '../../../learning/exchange/recognise.ts';
import { publishedNames } from '../../../learning/exchange/published-names.ts';
import { PUBLISHED_MODELS, tensorShapes } from '../../../learning/exchange/tensor-shapes.ts';
import { loadNetwork } from '../../../learning/networks.ts';
import { KdxError } from '../../../leg/errors.ts';
import { MODELS } from '../../../study/models/registry.ts';

/**
 * Files of PyTorch and what it computes with them. `make.py FOLDER` beside the fixtures writes larger
 * networks in all forms: KDX_TEACHER_FILES=FOLDER runs this file over them.
 */
const FOLDER =
  process.env['KDX_TEACHER_FILES'] ?? join(import.meta.dirname, '../../fixtures/teachers');
const FILES = readdirSync(FOLDER).filter((file) =>
  /^(resnet|wrn|vgg).*\.(pth|safetensors)$/.test(file),
);

type Answers = {
  readonly images: readonly number[];
  readonly logits: readonly number[];
  readonly features: readonly { shape: number[]; mean: number; first: number[] }[];
};

async function answersOf(model: string): Promise<Answers> {
  const all = JSON.parse(await readFile(join(FOLDER, 'expected.json'), 'utf8')) as Record<
    string,
    Answers
  >;
  return all[model] as Answers;
}

/** [B, C, H, W], as PyTorch has maps. */
function there(map: tf.Tensor): tf.Tensor {
  return map.rank === 4 ? tf.transpose(map, [0, 3, 1, 2]) : map;
}

function furthest(found: ArrayLike<number>, wanted: readonly number[]): number {
  return Math.max(...wanted.map((value, i) => Math.abs(value - (found[i] ?? Infinity))));
}

for (const file of FILES) {
  test(`${file}: logits and features are those of PyTorch`, async (t) => {
    const name = file.split('.')[0] as string;
    const { tensors } = await readWeightsFile(join(FOLDER, file));
    const found = recogniseNetwork(tensors, undefined, file);
    t.true(found.model === name, found.model);
    t.is(found.classes, 10);
    const bytes = encodeTensors({ tensors: found.tensors, metadata: {} });
    const trained = { model: { name: found.model }, weights: 'weights' };
    const { network } = loadNetwork(trained, { name: 'cifar10' }, bytes);
    const { images, logits, features } = await answersOf(name);
    tf.tidy(() => {
      const batch = tf.tensor4d([...images], [images.length / 3072, 3, 32, 32]);
      const input = tf.transpose(batch, [0, 2, 3, 1]);
      const forward = network.forward(input, { mode: 'evaluate' });
      t.true(furthest(forward.logits.dataSync(), logits) < 1e-4);
      t.is(forward.features.length, features.length);
      for (const [index, feature] of forward.features.entries()) {
        const wanted = features[index];
        const values = there(feature);
        t.deepEqual(values.shape, wanted?.shape);
        t.true(furthest(values.dataSync(), wanted?.first ?? []) < 1e-4, `f${index}`);
        t.true(Math.abs((tf.mean(values).dataSync()[0] ?? NaN) - (wanted?.mean ?? NaN)) < 1e-4);
      }
    });
    network.dispose();
  });
}

/** The tensors of a network by their first names of PyTorch, filled with small numbers. */
function published(
  model: (typeof PUBLISHED_MODELS)[number],
): Map<string, { shape: number[]; values: Float32Array }> {
  return new Map(
    [...tensorShapes(model, 10)].map(([own, shape]) => {
      const [name = ''] = publishedNames(MODELS[model].family, own);
      const size = shape.reduce((product, length) => product * length, 1);
      return [
        name,
        {
          shape: shape.length === 1 ? [...shape] : shape.toReversed(),
          values: new Float32Array(size),
        },
      ];
    }),
  );
}

test('every tensor of every published model has one name there, and no two share one', (t) => {
  for (const model of PUBLISHED_MODELS) {
    const shapes = tensorShapes(model, 10);
    const names = [...shapes.keys()].map((own) => publishedNames(MODELS[model].family, own)[0]);
    t.false(names.includes(undefined), `${model} names all`);
    t.is(new Set(names).size, shapes.size, model);
  }
});

const messageOf = (
  t: { throws: (f: () => unknown, o: object) => Error | undefined },
  tensors: Tensors,
): string =>
  t.throws(() => recogniseNetwork(tensors, undefined, 'my.pth'), { instanceOf: KdxError })
    ?.message ?? '';

test('missing, surplus and misshapen tensors are named with what is wanted', async (t) => {
  const whole = published('resnet8');
  const without = new Map(whole);
  without.delete('layer2.0.conv1.weight');
  t.regex(messageOf(t, without), /^my\.pth: .*resnet8.*missing layer2\.0\.conv1\.weight;/);
  const more = new Map([...whole, ['head.weight', { shape: [1], values: new Float32Array(1) }]]);
  t.regex(messageOf(t, more), /surplus head\.weight/);
  const wide = new Map([
    ...whole,
    ['conv1.weight', { shape: [64, 3, 7, 7], values: new Float32Array(9408) }],
  ]);
  t.regex(messageOf(t, wide), /conv1\.weight \[64, 3, 7, 7\], not \[16, 3, 3, 3\]/);
  const [conv] = [...whole.values()];
  const nan = {
    shape: conv?.shape ?? [],
    values: Float32Array.from(conv?.values ?? [], () => NaN),
  };
  t.regex(messageOf(t, new Map([...whole, ['conv1.weight', nan]])), /stem\/kernel holds NaN/);
});

test('a model that is asked for is the only one compared with', (t) => {
  const tensors = published('resnet8');
  t.is(recogniseNetwork(tensors, undefined, 'my.pth').model, 'resnet8');
  t.throws(() => recogniseNetwork(tensors, 'resnet14', 'my.pth'), {
    message: /^my\.pth: it is no resnet14: missing layer1\.1\.conv1\.weight/,
  });
});
