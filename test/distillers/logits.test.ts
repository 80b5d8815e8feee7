/** Methods on logits against numbers of the public PyTorch code, and where they are at their limits. */
import test from 'ava';

import type { Knowledge } from '../../distillers/contract.ts';
import { distillerOf } from '../../distillers/lookup.ts';
import { tf } from '../../learning/engine/backend.ts';
import { distillerSchema } from '../../study/distillers.ts';
import {
  CLASSES,
  input,
  labels,
  LATE,
  logits,
  objectiveOf,
  reproduces,
  unread,
  type Case,
} from './golden.ts';

const teacher: Knowledge = { ...unread, logits: input('zt') };
const onLogits = { of: 'zs', student: logits, teacher } as const;
/** A term of weight 1 with these options; the others are the published ones. */
const alone = (name: string, options: object = {}): Case => ({
  ...onLogits,
  terms: [distillerSchema.parse({ name, weight: 1, ...options })],
});

test(reproduces, 'DKD_tckd', alone('dkd', { alpha: 1, beta: 0 }));
test(reproduces, 'DKD_nckd', alone('dkd', { alpha: 0, beta: 1 }));
test(reproduces, 'DKD_total', alone('dkd'));
test(reproduces, 'DKD_LSKD', alone('dkd', { standardise: true, temperature: 2 }));
test(reproduces, 'LSKD', alone('lskd'));
test(reproduces, 'LSKD_total', {
  ...onLogits,
  terms: [{ name: 'ce', weight: 0.1 }, distillerSchema.parse({ name: 'lskd' })],
});
test(reproduces, 'DIST_inter', alone('dist', { gamma: 0 }));
test(reproduces, 'DIST_intra', alone('dist', { beta: 0 }));
test(reproduces, 'DIST_total', alone('dist'));
test(reproduces, 'TTM', alone('ttm', { exponent: 0.25 }));
test(reproduces, 'WTTM', alone('wttm', { exponent: 0.25 }));
test(reproduces, 'NKD', alone('nkd'));
test(reproduces, 'RLD_scd', alone('rld', { alpha: 1, beta: 0 }));
test(reproduces, 'RLD_mcd', alone('rld', { alpha: 0, beta: 1 }));
test(reproduces, 'RLD_total', alone('rld'));

const METHODS = ['dkd', 'lskd', 'dist', 'ttm', 'wttm', 'nkd', 'rld'] as const;

/** The loss of one method and its gradient, for logits of these values. */
function at(name: string, student: readonly number[], taught: readonly number[], options = {}) {
  const shape: [number, number] = [student.length / CLASSES, CLASSES];
  const setting = alone(name, options);
  const objective = objectiveOf(setting);
  const known = { ...unread, logits: tf.tensor2d([...taught], shape) };
  const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => {
    const fed = objective.feedsAt(LATE);
    const own = tf.slice(labels, [0, 0], shape);
    return objective.loss({ labels: own, fed, student: logits(x), teacher: known }).total;
  })(tf.tensor2d([...student], shape));
  const result = [value.arraySync(), ...grad.dataSync<'float32'>()];
  objective.dispose();
  return result;
}

for (const name of METHODS) {
  test(`${name} stays finite where softmax is saturated, logits are equal, or one image is all`, (t) => {
    const level = Array.from({ length: CLASSES }, () => 0);
    const [sure, wrong] = [
      [300, 0, 0, 0, 0],
      [0, 300, 0, 0, -300],
    ];
    for (const [student, taught] of [
      [sure, wrong],
      [wrong, sure],
      [sure, sure],
      [level, wrong],
      [wrong, level],
      [level, level],
    ] as const) {
      const values = at(name, student, taught);
      t.true(
        values.every(Number.isFinite),
        `${student.join()} | ${taught.join()}: ${values.join()}`,
      );
    }
  });
}

test('lskd and standardised dkd do not see shift and scale of the logits', (t) => {
  const student = [...input('zs').dataSync<'float32'>()];
  const taught = [...input('zt').dataSync<'float32'>()];
  const moved = student.map((z) => 3 * z + 7);
  for (const [name, options] of [
    ['lskd', {}],
    ['dkd', { standardise: true }],
  ] as const) {
    const [value = NaN] = at(name, student, taught, options);
    const [other = NaN] = at(name, moved, taught, options);
    t.true(Math.abs(value - other) < 1e-4 * value, `${name}: ${value} and ${other}`);
  }
});

test('dkd with the weights of its own derivation is kd', (t) => {
  // One image: KD = TCKD + (1 − p_t[y])·NCKD at the same temperature.
  const [student, taught] = [
    [...input('zs').dataSync<'float32'>()].slice(0, CLASSES),
    [...input('zt').dataSync<'float32'>()].slice(0, CLASSES),
  ];
  const powers = taught.map((z) => Math.exp(z / 4));
  const rest = 1 - (powers[0] ?? NaN) / powers.reduce((a, b) => a + b, 0);
  const [decoupled = NaN] = at('dkd', student, taught, { beta: rest });
  const [whole = NaN] = at('kd', student, taught);
  t.true(Math.abs(decoupled - whole) < 1e-5 * whole);
});

test('rld compares no classes where the teacher puts none below the right one', (t) => {
  const student = [1, -2, 0.5, 3, 0];
  const taught = [-4, 1, 2, 3, 4];
  const [value] = at('rld', student, taught, { alpha: 0 });
  t.is(value, 0);
});

test('dkd and rld warm up over the published epochs, and no longer', (t) => {
  for (const name of ['dkd', 'rld']) {
    const { share, options } = distillerOf(name);
    const shareAt = (publishedEpoch: number, changes = {}): number | undefined =>
      share?.({ ...LATE, publishedEpoch }, options.parse(changes));
    t.deepEqual(
      [1, 10, 20, 240].map((epoch) => shareAt(epoch)),
      [0.05, 0.5, 1, 1],
    );
    t.is(shareAt(1, { warmUpEpochs: 0 }), 1);
  }
});

test('the weights of a study that says none are the published ones', (t) => {
  const weights = METHODS.map((name) => distillerSchema.parse({ name }));
  t.deepEqual(weights, [
    {
      ...{ name: 'dkd', weight: 1, alpha: 1, beta: 8, temperature: 4 },
      ...{ standardise: false, warmUpEpochs: 20 },
    },
    { name: 'lskd', weight: 9, temperature: 2 },
    { name: 'dist', weight: 2, beta: 1, gamma: 1, temperature: 4 },
    { name: 'ttm', weight: 45, exponent: 0.1 },
    { name: 'wttm', weight: 4, exponent: 0.2 },
    { name: 'nkd', weight: 1, gamma: 1.5, temperature: 1 },
    { name: 'rld', weight: 1, alpha: 1, beta: 8, temperature: 4, warmUpEpochs: 20 },
  ]);
});
