/** Methods on maps and embeddings against numbers of the public PyTorch code. */
import test from 'ava';

import { variationalLoss } from '../../distillers/vid.ts';
import { tf } from '../../learning/engine/backend.ts';
import type { Objective } from '../../learning/training/objective.ts';
import { distillerSchema } from '../../study/distillers.ts';
import {
  embedding,
  golden,
  input,
  labels,
  LATE,
  maps,
  objectiveOf,
  reproduces,
  type Case,
  type Fixture,
} from './golden.ts';
import { agrees, linearOf, meanOf, numbersOf, pixelsOf, reluOf } from './oracle.ts';

const onEmbeddings = { of: 'es', student: embedding, teacher: embedding(input('et')) } as const;
const onMaps = { of: 'fs', student: maps, teacher: maps(input('ft')) } as const;
/** A term of weight 1 with these options; the others are the published ones. */
const alone = (name: string, options: object = {}): Pick<Case, 'terms'> => ({
  terms: [distillerSchema.parse({ name, weight: 1, ...options })],
});

test(reproduces, 'PKT', { ...onEmbeddings, ...alone('pkt') });
test(reproduces, 'RKD_distance', {
  ...onEmbeddings,
  ...alone('rkd', { distance: 1, angle: 0 }),
});
test(reproduces, 'RKD_angle', { ...onEmbeddings, ...alone('rkd', { distance: 0, angle: 1 }) });
test(reproduces, 'RKD_total', { ...onEmbeddings, ...alone('rkd') });
test(reproduces, 'NST', { ...onMaps, ...alone('nst') });
test(reproduces, 'CC', {
  ...onEmbeddings,
  ...alone('cc', { dimensions: 6 }),
  prepare: becomeIdentity,
});

/** Linear maps of a method hand on what they read. */
function becomeIdentity({ helpers }: Objective): void {
  for (const { name, variable } of helpers.trainable.values()) {
    variable.assign(name.endsWith('kernel') ? tf.eye(6) : tf.zeros([6]));
  }
}

test(agrees, 'cc', {
  ...onEmbeddings,
  ...alone('cc', { dimensions: 3 }),
  definition: (x, p) => {
    const embed = (side: string, values: readonly number[]) =>
      linearOf(
        pixelsOf(values, 6),
        p[`${side}/embedding/kernel`] ?? [],
        p[`${side}/embedding/bias`],
      );
    const [s, t] = [embed('student', x), embed('teacher', numbersOf('et'))];
    const apart = s.map((row, b) => row.map((value, d) => Math.abs(value - (t[b]?.[d] ?? NaN))));
    return meanOf(
      [0, 1, 2].map((b) =>
        (apart[b] ?? []).reduce((sum, value, d) => sum + value * (apart[b + 1]?.[d] ?? NaN), 0),
      ),
    );
  },
});

test('VID has the value and both gradients of the reference behind its regressor', (t) => {
  const { value, gradient } = golden.fixtures['VID_identity'] as Fixture;
  const rho = tf.fill([3], Math.log(Math.expm1(5 - 1e-5)));
  const teacher = input<tf.Tensor4D>('ft');
  const result = tf.valueAndGrads((x: tf.Tensor, r: tf.Tensor) =>
    variationalLoss(tf, x as tf.Tensor4D, teacher, r),
  )([input('fs'), rho]);
  t.true(Math.abs((result.value.dataSync()[0] as number) - value) <= 1e-5 * value);
  const [ofInput, ofRho] = result.grads as [tf.Tensor, tf.Tensor];
  const wanted = golden.fixtures['VID_grad_logscale'] as Fixture;
  for (const [found, expected] of [
    [ofInput, gradient],
    [ofRho, wanted.gradient],
  ] as const) {
    const values = found.dataSync<'float32'>();
    for (const [index, slope] of expected.first4.entries()) {
      t.true(Math.abs((values[index] ?? NaN) - slope) <= 1e-4 * expected.l2);
    }
    t.true(Math.abs((tf.norm(found).arraySync() as number) - expected.l2) <= 1e-4 * expected.l2);
  }
});

test(agrees, 'vid', {
  ...onMaps,
  ...alone('vid'),
  definition: (x, p) => {
    const kernel = (index: number) => p[`stage1/regressor${index}/kernel`] ?? [];
    const first = reluOf(linearOf(pixelsOf(x, 3), kernel(1)));
    const guess = linearOf(reluOf(linearOf(first, kernel(2))), kernel(3));
    const taught = pixelsOf(numbersOf('ft'), 3);
    const variance = (p['stage1/rho'] ?? []).map((rho) => Math.log1p(Math.exp(rho)) + 1e-5);
    return meanOf(
      guess.flatMap((pixel, index) =>
        pixel.map((value, c) => {
          const v = variance[c] ?? NaN;
          return ((value - (taught[index]?.[c] ?? NaN)) ** 2 / v + Math.log(v)) / 2;
        }),
      ),
    );
  },
});

test('nst and vid shrink the larger map, whichever it is', (t) => {
  for (const name of ['nst', 'vid']) {
    const sizes = [
      ['fs8', 'ft'],
      ['fs', 'ft8'],
    ] as const;
    for (const [own, other] of sizes) {
      const setting = { of: own, student: maps, teacher: maps(input(other)), ...alone(name) };
      const objective = objectiveOf(setting);
      const pooled = (key: string) => {
        const map = input<tf.Tensor4D>(key);
        return maps(map.shape[1] === 8 ? tf.avgPool(map, 2, 2, 'valid') : map);
      };
      const loss = (student: ReturnType<typeof maps>, teacher: ReturnType<typeof maps>) =>
        objective.loss({ labels, fed: {}, student, teacher }).total.arraySync();
      const found = loss(maps(input(own)), maps(input(other)));
      t.is(found, loss(pooled(own), pooled(other)), `${name}: ${own} and ${other}`);
      objective.dispose();
    }
  }
});

for (const name of ['pkt', 'rkd', 'cc', 'nst', 'vid']) {
  test(`${name} stays finite in a batch of one image, and where nothing fires`, (t) => {
    const setting = {
      of: 'es',
      student: () => ({ ...embedding(input('es')), ...maps(input('fs')), ...embeddingOf('es') }),
      teacher: { ...maps(input('ft')), ...embeddingOf('et') },
      ...alone(name, name === 'cc' ? { dimensions: 3 } : {}),
    };
    const objective = objectiveOf(setting);
    const one = (map: tf.Tensor4D, e: tf.Tensor2D) => ({
      ...maps(tf.slice(map, 0, 1)),
      embedding: tf.slice(e, 0, 1),
    });
    const empty = (x: tf.Tensor) => ({
      ...maps(tf.zerosLike(input<tf.Tensor4D>('fs'))),
      embedding: x as tf.Tensor2D,
    });
    const settings = [
      [
        (x: tf.Tensor) => one(input('fs'), x as tf.Tensor2D),
        one(input('ft'), input('et')),
        input('es'),
      ],
      [empty, empty(input('et')), tf.zerosLike(input('es'))],
    ] as const;
    for (const [student, teacher, x] of settings) {
      const { value, grad } = tf.valueAndGrad((own: tf.Tensor) => {
        const known = student(own);
        const { total } = objective.loss({
          ...{ labels, fed: objective.feedsAt(LATE), student: known, teacher },
        });
        // Methods on maps do not read the embedding: it has a gradient all the same.
        return tf.add<tf.Scalar>(total, tf.mul(tf.sum(own), 0));
      })(x);
      t.true(Number.isFinite(value.arraySync()), `${value.arraySync()}`);
      t.true(grad.dataSync<'float32'>().every(Number.isFinite));
    }
    objective.dispose();
  });
}

function embeddingOf(name: string): { readonly embedding: tf.Tensor2D } {
  return { embedding: input<tf.Tensor2D>(name) };
}
