/** Methods that read classifiers, last maps or class means, and one whose temperature is trained. */
import test from 'ava';

import type { Knowledge, RunPosition } from '../../distillers/contract.ts';
import { curriculum } from '../../distillers/ctkd.ts';
import { normAndDirection } from '../../distillers/kdpp.ts';
import { tf } from '../../learning/engine/backend.ts';
import type { Objective } from '../../learning/training/objective.ts';
import { distillerSchema } from '../../study/distillers.ts';
import {
  embedding,
  golden,
  input,
  labels,
  LATE,
  logits,
  objectiveOf,
  stem,
  unread,
  type Case,
  type Fixture,
} from './golden.ts';
import {
  agrees,
  divergenceOf,
  linearOf,
  logSoftmaxOf,
  meanOf,
  normOf,
  numbersOf,
  pixelsOf,
  reluOf,
  wave,
} from './oracle.ts';

const alone = (name: string, options: object = {}): Pick<Case, 'terms'> => ({
  terms: [distillerSchema.parse({ name, weight: 1, ...options })],
});
const RIGHT = [0, 3, 2, 4];

/** A classifier of `inputs` values into the five classes of the fixtures. */
function classifier(inputs: number, omega: number) {
  const kernel = wave(inputs * 5, 0.8, omega, 0.3);
  return {
    kernel,
    classify: (embedded: tf.Tensor2D): tf.Tensor2D =>
      tf.matMul(embedded, tf.tensor2d(kernel, [inputs, 5])),
  };
}

const squareOf = (a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number =>
  meanOf(a.flatMap((row, i) => row.map((value, k) => (value - (b[i]?.[k] ?? NaN)) ** 2)));

const head = classifier(5, 0.7);
test(agrees, 'srrl', {
  ...{ of: 'es', student: embedding, ...alone('srrl') },
  teacher: { ...logits(input('zs')), embedding: input<tf.Tensor2D>('zt'), classify: head.classify },
  definition: (x, p) => {
    const raw = linearOf(pixelsOf(x, 6), p['transfer/kernel'] ?? []);
    const moved = reluOf(
      normOf(raw, p['transfer/norm/gamma'] ?? [], p['transfer/norm/beta'] ?? []),
    );
    const answer = linearOf(moved, head.kernel);
    return (
      squareOf(moved, pixelsOf(numbersOf('zt'), 5)) + squareOf(answer, pixelsOf(numbersOf('zs'), 5))
    );
  },
});

test('KD++ has the value and the gradient of the reference for given centres', (t) => {
  const { value, gradient } = golden.fixtures['KDpp_ND'] as Fixture;
  const centres = tf.tensor2d(
    RIGHT.map((k) => Array.from({ length: 6 }, (_, i) => Math.sin(0.8 * i + 0.3 * k))),
  );
  const result = tf.valueAndGrad((x: tf.Tensor) =>
    normAndDirection(tf, x as tf.Tensor2D, input('et'), centres),
  )(input('es'));
  t.true(Math.abs(result.value.arraySync() - value) <= 1e-5 * value);
  const slopes = result.grad.dataSync<'float32'>();
  for (const [index, wanted] of gradient.first4.entries()) {
    t.true(Math.abs((slopes[index] ?? NaN) - wanted) <= 1e-4 * gradient.l2);
  }
  t.true(
    Math.abs((tf.norm(result.grad).arraySync() as number) - gradient.l2) <= 1e-4 * gradient.l2,
  );
});

/** 1 − the share of a student's embedding that lies along its class, over the longer norm. */
function directionOf(
  own: readonly (readonly number[])[],
  wanted: readonly (readonly number[])[],
  centres: readonly (readonly number[])[],
): number {
  return meanOf(
    own.map((s, b) => {
      const centre = centres[RIGHT[b] ?? 0] ?? [];
      const along = s.reduce((sum, value, i) => sum + value * (centre[i] ?? NaN), 0);
      const longest = Math.max(Math.hypot(...s), Math.hypot(...(wanted[b] ?? [])));
      return 1 - along / Math.hypot(...centre) / longest;
    }),
  );
}
const withLogits = (x: tf.Tensor): Knowledge => ({ ...embedding(x), logits: input('zs') });
const softLoss = meanOf(
  [0, 1, 2, 3].map((b) => {
    const row = (name: string) => pixelsOf(numbersOf(name), 5)[b] ?? [];
    return 16 * divergenceOf(row('zt'), row('zs'), 4);
  }),
);
/** Puts sums of the teacher's embeddings in place. */
const withSums =
  (size: number) =>
  ({ helpers }: Objective): void => {
    const sums = tf.tensor2d(wave(5 * size, 3, 0.9, 0.4), [5, size]);
    helpers.statistics.get('distillers/kdpp/sums')?.assign(sums);
  };

test(agrees, 'kdpp between embeddings of one size, of which either may be the longer', {
  ...{ of: 'es', prepare: withSums(6), ...alone('kdpp', { kd: 1.5 }) },
  student: (x: tf.Tensor) => withLogits(tf.mul(x, 1.5)),
  teacher: { ...embedding(input('et')), logits: input<tf.Tensor2D>('zt') },
  definition: (x) => {
    const [own, wanted] = [x.map((value) => 1.5 * value), numbersOf('et')].map((values) =>
      pixelsOf(values, 6),
    ) as [number[][], number[][]];
    const longer = own.map((s, b) => Math.hypot(...s) > Math.hypot(...(wanted[b] ?? [])));
    if (new Set(longer).size === 1) throw new Error('One side is always the longer one.');
    return 1.5 * softLoss + 2 * directionOf(own, wanted, pixelsOf(wave(30, 3, 0.9, 0.4), 6));
  },
});

test(agrees, 'kdpp between embeddings of two sizes', {
  ...{ of: 'es', student: withLogits, prepare: withSums(5), ...alone('kdpp', { dropout: 0 }) },
  teacher: { ...embedding(input('zt')), logits: input<tf.Tensor2D>('zt') },
  definition: (x, p) => {
    const norm = (name: string) => p[`transfer/norm/${name}`] ?? [];
    const normed = normOf(pixelsOf(x, 6), norm('gamma'), norm('beta'));
    const own = linearOf(normed, p['transfer/kernel'] ?? [], p['transfer/bias']);
    const centres = pixelsOf(wave(25, 3, 0.9, 0.4), 5);
    return softLoss + 2 * directionOf(own, pixelsOf(numbersOf('zt'), 5), centres);
  },
});

test('kdpp drops half of what it transfers, anew in every step', (t) => {
  const teacher = { ...embedding(input('zt')), logits: input<tf.Tensor2D>('zt') };
  const objective = objectiveOf({ of: 'es', student: withLogits, teacher, ...alone('kdpp') });
  withSums(5)(objective);
  const at = (step: number): number => {
    const fed = objective.feedsAt({ ...LATE, step });
    return objective
      .loss({ labels, fed, student: withLogits(input('es')), teacher })
      .total.arraySync();
  };
  t.is(at(0), at(0));
  t.not(at(0), at(1));
  objective.dispose();
});

test('kdpp takes class means in the first epoch, and keeps them', (t) => {
  const teacher = { ...embedding(input('et')), logits: input<tf.Tensor2D>('zt') };
  const objective = objectiveOf({ of: 'es', student: withLogits, teacher, ...alone('kdpp') });
  const sums = () => objective.helpers.statistics.get('distillers/kdpp/sums')?.arraySync();
  const step = (at: Partial<RunPosition>): void => {
    const fed = objective.feedsAt({ ...LATE, ...at });
    objective.loss({ labels, fed, student: withLogits(input('es')), teacher });
    objective.replaceMemories();
  };
  step({ epoch: 1 });
  const rows = pixelsOf(numbersOf('et'), 6);
  const wanted = [0, 1, 2, 3, 4].map((k) => rows[RIGHT.indexOf(k)] ?? [0, 0, 0, 0, 0, 0]);
  t.deepEqual(sums(), wanted);
  step({ epoch: 1 });
  t.deepEqual(
    sums(),
    wanted.map((row) => row.map((value) => 2 * value)),
  );
  const kept = sums();
  step({ epoch: 2 });
  t.deepEqual(sums(), kept);
  objective.dispose();
});

test('ctkd raises the temperature’s loss by the curriculum, and lowers the student’s', (t) => {
  for (const base of ['kd', 'dkd'] as const) {
    for (const epoch of [1, 5, 10, 100]) {
      const setting = {
        of: 'zs',
        student: logits,
        teacher: logits(input('zt')),
        ...alone('ctkd', { base }),
      };
      const objective = objectiveOf(setting);
      const theta = objective.helpers.trainable.get('distillers/ctkd/theta')
        ?.variable as tf.Variable;
      const x = tf.variable(input('zs'));
      const fed = objective.feedsAt({ ...LATE, publishedEpoch: epoch });
      const loss = (): tf.Scalar =>
        objective.loss({ labels, fed, student: logits(x), teacher: logits(input('zt')) }).total;
      const { value, grads } = tf.variableGrads(loss, [x, theta]);
      const temperature = 1 + 20 / (1 + Math.exp(-1));
      const expected = definitionAt(base, numbersOf('zs'), temperature);
      t.true(
        Math.abs(value.arraySync() - expected) < 2e-5 * expected,
        `${base}: ${value.arraySync()}`,
      );
      const atTheta = (by: number): number =>
        definitionAt(base, numbersOf('zs'), 1 + 20 / (1 + Math.exp(-1 - by)));
      const slope = (atTheta(1e-5) - atTheta(-1e-5)) / 2e-5;
      const found = grads[theta.name]?.arraySync() as number;
      const wanted = curriculum(epoch) * slope;
      t.true(
        Math.abs(found - wanted) < 1e-3 * Math.abs(wanted),
        `${base}, ${epoch}: ${found}, not ${wanted}`,
      );
      const moved = (index: number, by: number) =>
        numbersOf('zs').map((z, i) => (i === index ? z + by : z));
      for (const index of [0, 7, 19]) {
        const ofInput =
          (definitionAt(base, moved(index, 1e-5), temperature) -
            definitionAt(base, moved(index, -1e-5), temperature)) /
          2e-5;
        const own = grads[x.name]?.dataSync<'float32'>()[index] ?? NaN;
        t.true(Math.abs(own - ofInput) < 1e-4, `${base}: ${own}, not ${ofInput}`);
      }
      objective.dispose();
      x.dispose();
    }
  }
  t.deepEqual([10, 11, 240].map(curriculum), [-1, -1, -1]);
  t.true(Math.abs(curriculum(5) + 0.5) < 1e-12);
});

/** T²·KL or T²(TCKD + 8·NCKD) of the fixtures' logits. */
function definitionAt(base: 'kd' | 'dkd', x: readonly number[], temperature: number): number {
  const teacher = pixelsOf(numbersOf('zt'), 5);
  return meanOf(
    pixelsOf(x, 5).map((z, b) => regionLoss(base, RIGHT[b] ?? 0, z, teacher[b] ?? [], temperature)),
  );
}

function regionLoss(
  base: 'kd' | 'dkd',
  right: number,
  own: readonly number[],
  wanted: readonly number[],
  temperature: number,
): number {
  if (base === 'kd') return temperature ** 2 * divergenceOf(wanted, own, temperature);
  const [p, q] = [own, wanted].map((z) => {
    const chance = Math.exp(logSoftmaxOf(z, temperature)[right] ?? NaN);
    return [Math.log(chance), Math.log(1 - chance)];
  }) as [number[], number[]];
  const target = q.reduce((sum, ln, i) => sum + Math.exp(ln) * (ln - (p[i] ?? NaN)), 0);
  const others = (z: readonly number[]) => z.filter((_, k) => k !== right);
  return temperature ** 2 * (target + 8 * divergenceOf(others(wanted), others(own), temperature));
}

const ofStudent = classifier(3, 0.9);
const ofTeacher = classifier(3, 1.3);
const lastMap = (map: tf.Tensor, { classify }: ReturnType<typeof classifier>): Knowledge => {
  const maps = [stem, map as tf.Tensor4D];
  return {
    ...unread,
    maps,
    lastMap: map as tf.Tensor4D,
    classify,
    logits: classify(tf.mean(map, [1, 2])),
  };
};

/** [n²][channels] means of the regions of one image of 4 × 4 pixels. */
function regionsOf(image: readonly (readonly number[])[], scale: number): number[][] {
  const side = 4 / scale;
  return Array.from({ length: scale ** 2 }, (_, region) => {
    const [row, column] = [Math.floor(region / scale), region % scale];
    return [0, 1, 2].map((c) => {
      const inside = image.filter(
        (_pixel, index) =>
          Math.floor(Math.floor(index / 4) / side) === row &&
          Math.floor((index % 4) / side) === column,
      );
      return meanOf(inside.map((pixel) => pixel[c] ?? NaN));
    });
  });
}

for (const base of ['kd', 'dkd'] as const) {
  test(agrees, `sdd over ${base}`, {
    ...{ of: 'fs', student: (x: tf.Tensor) => lastMap(x, ofStudent), ...alone('sdd', { base }) },
    teacher: lastMap(input('ft'), ofTeacher),
    definition: (x) => {
      const image = (values: readonly number[], b: number) =>
        pixelsOf(values, 3).slice(16 * b, 16 * b + 16);
      const best = (z: readonly number[]) => z.indexOf(Math.max(...z));
      let sum = 0;
      let doubled = 0;
      for (const [b, right] of RIGHT.entries()) {
        for (const scale of [1, 2, 4]) {
          const said = (values: readonly number[], kernel: readonly number[], n: number) =>
            linearOf(regionsOf(image(values, b), n), kernel);
          const [whole = []] = said(numbersOf('ft'), ofTeacher.kernel, 1);
          const wanted = said(numbersOf('ft'), ofTeacher.kernel, scale);
          for (const [region, own] of said(x, ofStudent.kernel, scale).entries()) {
            const theirs = wanted[region] ?? [];
            const differs = (best(theirs) === right) !== (best(whole) === right);
            doubled += Number(differs);
            sum += (differs ? 2 : 1) * regionLoss(base, right, own, theirs, 4);
          }
        }
      }
      if (doubled === 0) throw new Error('No region is judged otherwise: the test shows nothing.');
      return sum / (4 * 21);
    },
  });
}
