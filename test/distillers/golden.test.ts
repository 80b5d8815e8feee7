/** The first methods against numbers of the public PyTorch code. */
import test from 'ava';

import type { Knowledge } from '../../distillers/contract.ts';
import { anchoredLoss, contrast, remember, type Side } from '../../distillers/crd.ts';
import { createDrawing } from '../../distillers/negatives.ts';
import { normaliseRows } from '../../distillers/rows.ts';
import { tf } from '../../learning/engine/backend.ts';
import { withoutGradient } from '../../learning/engine/gradients.ts';
import { createSites } from '../../learning/training/site.ts';
import {
  golden,
  input,
  labels,
  logits,
  maps,
  objectiveOf,
  reproduces,
  stem,
  unread,
  type Fixture,
} from './golden.ts';

const CE = { name: 'ce', weight: 1 };
const taughtLogits: Knowledge = { ...unread, logits: input('zt') };
const onLogits = { of: 'zs', student: logits } as const;
test(reproduces, 'CE', { ...onLogits, terms: [CE] });
test(reproduces, 'CE_labelSmooth', {
  ...onLogits,
  terms: [{ name: 'ls', weight: 1, smoothing: 0.1 }],
});
test(reproduces, 'KD', {
  ...onLogits,
  terms: [{ name: 'kd', weight: 1, temperature: 4 }],
  teacher: taughtLogits,
});
test(reproduces, 'KD_total', {
  ...onLogits,
  terms: [
    { ...CE, weight: 0.1 },
    { name: 'kd', weight: 0.9, temperature: 4 },
  ],
  teacher: taughtLogits,
});
const onMaps = { of: 'fs', student: maps, teacher: maps(input('ft')) } as const;
test(reproduces, 'AT', { ...onMaps, terms: [{ name: 'at', weight: 1 }] });
test(reproduces, 'AT_pooled_student', {
  ...{ of: 'fs8', student: maps, teacher: maps(input('ft')) },
  terms: [{ name: 'at', weight: 1 }],
});
test(reproduces, 'SP', { ...onMaps, terms: [{ name: 'sp', weight: 1 }] });

test('SP takes the last map of each network, however many each has', (t) => {
  const teacher: Knowledge = {
    ...unread,
    maps: [stem, input('ft2'), input('fs8'), input('ft')],
  };
  const student = (x: tf.Tensor): Knowledge => {
    return { ...unread, maps: [stem, input('fs8'), x as tf.Tensor4D] };
  };
  const objective = objectiveOf({ of: 'fs', student, terms: [{ name: 'sp', weight: 1 }], teacher });
  const { total } = objective.loss({ labels, fed: {}, student: student(input('fs')), teacher });
  const { value } = golden.fixtures['SP'] as Fixture;
  t.true(Math.abs(total.arraySync() - value) <= 1e-5 * value);
});

test('fitnet is the mean square of what its regressor misses, and trains the regressor', (t) => {
  const student = input<tf.Tensor4D>('fs');
  const teacher = maps(input('ft'));
  const setting = { ...onMaps, terms: [{ name: 'fitnet', weight: 1, layer: 1 }], teacher };
  const objective = objectiveOf(setting);
  const regressor = [...objective.helpers.trainable.values()];
  const values = (name: string): number[] => [
    ...(objective.helpers.trainable
      .get(`distillers/fitnet/regressor/${name}`)
      ?.variable.dataSync() ?? []),
  ];
  const { value, grads } = tf.variableGrads(
    () => objective.loss({ labels, fed: {}, student: maps(student), teacher }).total,
    regressor.map(({ variable }) => variable),
  );
  // 1 × 1 convolution, batch norm at γ = 1, β = 0, ReLU, in double precision on the host.
  const [kernel, x, y] = [values('kernel'), student.dataSync(), teacher.maps[1]?.dataSync() ?? []];
  const pixels = x.length / 3;
  let expected = 0;
  for (let k = 0; k < 3; k += 1) {
    const raw = Array.from({ length: pixels }, (_, p) =>
      [0, 1, 2].reduce((sum, c) => sum + (x[3 * p + c] ?? NaN) * (kernel[3 * c + k] ?? NaN), 0),
    );
    const mean = raw.reduce((a, b) => a + b, 0) / pixels;
    const variance = raw.reduce((a, b) => a + (b - mean) ** 2, 0) / pixels;
    for (const [p, r] of raw.entries()) {
      const guess = Math.max(0, (r - mean) / Math.sqrt(variance + 1e-5));
      expected += (guess - (y[3 * p + k] ?? NaN)) ** 2 / x.length;
    }
  }
  t.true(Math.abs(value.arraySync() - expected) < 1e-5 * expected);
  t.is(objective.helpers.parameterCount, 9 + 3 + 3 + 3);
  const moved = regressor.filter(({ variable }) => {
    return (tf.norm(grads[variable.name] as tf.Tensor).arraySync() as number) > 0;
  });
  t.deepEqual(
    moved.map(({ name }) => name.split('/').at(-1)),
    ['kernel', 'gamma', 'beta'],
    'batch norm cancels the bias in front of it',
  );
  objective.dispose();
});

test('the contrast of CRD has the value of the reference', (t) => {
  const { value, params } = golden.fixtures['CRD_contrast'] as unknown as {
    value: number;
    params: { x_values: number[] };
  };
  const x = tf.tensor2d(params.x_values, [4, 4]);
  t.true(Math.abs(contrast(tf, x, 50).arraySync() - value) <= 1e-5 * value);
});

/** A side whose bank is wave(ω·i + φ) with normalised rows, and what it is left with. */
function side(wave: (angle: number) => number, omega: number, phase: number) {
  const values = Array.from({ length: 50 * 6 }, (_, i) => wave(omega * i + phase));
  const left = { bank: normaliseRows(tf, tf.tensor2d(values, [50, 6])), normaliser: tf.scalar(0) };
  const made: Side = {
    bank: { value: () => left.bank, replace: (next) => void (left.bank = tf.keep(next)) },
    normaliser: {
      value: () => left.normaliser,
      replace: (next) => void (left.normaliser = tf.keep(next)),
    },
  };
  return { made, left };
}

test('CRD with its banks has the value, the gradient and the memories of the reference', (t) => {
  const fixture = golden.fixtures['CRD_full'] as Fixture & {
    params: { Z1: number; Z2: number } & Record<`bank${1 | 2}_row_of_b0_after_update`, number[]>;
  };
  const student = side(Math.sin, 0.83, 0.4);
  const teacher = side(Math.cos, 1.19, 0.2);
  const own = [0, 1, 2, 3].map((b) => (7 * b + 3) % 50);
  const chosen = tf.tensor2d(
    own.map((row, b) => [row, ...[1, 2, 3].map((k) => (11 * b + 5 * k + 1) % 50)]),
    [4, 4],
    'int32',
  );
  const settings = { temperature: 0.07, images: 50 };
  const site = { tf, withoutGradient };
  const ofTeacher = normaliseRows(tf, input<tf.Tensor2D>('et'));
  const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => {
    const ofStudent = normaliseRows(tf, x as tf.Tensor2D);
    return tf.add<tf.Scalar>(
      anchoredLoss(site, { embedded: ofStudent, chosen }, teacher.made, settings),
      anchoredLoss(site, { embedded: ofTeacher, chosen }, student.made, settings),
    );
  })(input('es'));
  const close = (actual: number | undefined, wanted: number, within: number) =>
    t.true(Math.abs((actual ?? NaN) - wanted) <= within, `${actual} is not ${wanted}`);
  close(value.arraySync(), fixture.value, 1e-5 * fixture.value);
  const within = 1e-4 * fixture.gradient.l2;
  close(tf.norm(grad).arraySync() as number, fixture.gradient.l2, within);
  for (const [i, wanted] of fixture.gradient.first4.entries())
    close(grad.dataSync()[i], wanted, within);
  const { Z1, Z2 } = fixture.params;
  const stored = [student, teacher].map(({ left }) => left.normaliser.arraySync());
  for (const [i, wanted] of [Z2, Z1].entries()) close(stored[i], wanted, 1e-5 * wanted);

  const rows = tf.tensor1d(own, 'int32');
  remember(site, student.made, normaliseRows(tf, input<tf.Tensor2D>('es')), rows, 0.5);
  remember(site, teacher.made, ofTeacher, rows, 0.5);
  for (const [bank, wanted] of [
    [student.left.bank, fixture.params.bank1_row_of_b0_after_update],
    [teacher.left.bank, fixture.params.bank2_row_of_b0_after_update],
  ] as const) {
    for (const [i, entry] of wanted.entries()) close(bank.arraySync()[3]?.[i], entry, 1e-5);
  }
});

test('negatives are rows of other classes, each as likely, and drawn anew in every step', (t) => {
  const classOfRow = Int32Array.of(2, 0, 1, 0, 2, 2, 1);
  const pair = { student: { maps: [] }, teacher: { maps: [] }, classes: 3, images: 7 };
  const sites = createSites({ pair, classOfRow, seeds: { init: 1, data: 1 } });
  const draw = createDrawing(sites.of('crd'), 6000);
  const at = { stepsPerEpoch: 9, epochs: 1, publishedEpoch: 1, progress: 0, epoch: 1 };
  const drawn = [0, 1].map((step) => {
    const rows = tf.tensor1d([0, 3], 'int32');
    const hot = tf.oneHot(tf.tensor1d([2, 0], 'int32'), 3, 1, 0, 'float32') as tf.Tensor2D;
    const fed = sites.feedsAt({ ...at, step });
    return draw({ labels: hot, student: unread, rows, fed }, rows).arraySync();
  });
  t.notDeepEqual(drawn[0], drawn[1]);
  for (const [b, others] of [
    [1, 2, 3, 6],
    [0, 2, 4, 5, 6],
  ].entries()) {
    const [own, ...negatives] = drawn[0]?.[b] ?? [];
    t.is(own, [0, 3][b]);
    t.deepEqual([...new Set(negatives)].toSorted(), others);
    for (const row of others) {
      const share = negatives.filter((negative) => negative === row).length / 6000;
      t.true(Math.abs(share - 1 / others.length) < 0.03, `row ${row}: ${share}`);
    }
  }
  sites.dispose();
});
