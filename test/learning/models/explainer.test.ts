import test from 'ava';

import { tf } from '../../../learning/engine/backend.ts';
import type { Network, Pass, Route } from '../../../learning/engine/network.ts';
import { adaptivePoolMatrix, adaptivePoolMatrix2d } from '../../../learning/engine/pooling.ts';
import {
  INTRINSIC_TEMPERATURE,
  gateEntropy,
  gateWeights,
  normalisedEntropy,
} from '../../../learning/models/explainer/entropy.ts';
import { hardGate, liveExperts, softGate } from '../../../learning/models/explainer/gates.ts';
import {
  gateRows,
  liveCost,
  liveParameters,
  routeOf,
} from '../../../learning/models/explainer/route.ts';
import { readGolden, relativeError } from '../formula.ts';
import { distance, gradientsOf, logitsOf, randomNetwork, randomTensor } from '../networks.ts';

type GateFixture = {
  readonly alpha: number[][];
  readonly entropy_normalised?: number[];
  readonly layer_mean?: number;
};
type Losses = {
  readonly fixtures: {
    readonly HME_gate: {
      readonly value: Readonly<Record<string, GateFixture>>;
      readonly params: { readonly beta: number[][] };
    };
    readonly adaptivePool4to7: { readonly value: number[][] };
  };
};

const { HME_gate: gates, adaptivePool4to7 } = readGolden<Losses>('losses').fixtures;
const beta = tf.tensor2d(gates.params.beta);

function explainer(experts: readonly number[] = [2, 4, 8]): Network {
  return randomNetwork({ model: 'hme_ltb', width: 8, experts });
}

function images(batch: number, size = 32): tf.Tensor4D {
  return randomTensor<tf.Rank.R4>([batch, size, size, 3]);
}

for (const [name, expected] of Object.entries(gates.value)) {
  test(`gates of ${name} are those of the reference`, (t) => {
    const epoch = Number(/^epoch(\d+)$/.exec(name)?.[1]);
    const inverse = name === 'intrinsic_tau05' ? 1 / INTRINSIC_TEMPERATURE : epoch / 5;
    const gate = name === 'hard' ? hardGate(beta) : softGate(beta, tf.scalar(inverse));
    t.true(relativeError([...gate.dataSync()], expected.alpha.flat()) <= 1e-5);
    if (expected.layer_mean === undefined) return;
    const { mean } = gateEntropy(gates.params.beta, 1 / inverse);
    t.true(Math.abs(mean - expected.layer_mean) <= 1e-5);
    for (const [index, entropy] of (expected.entropy_normalised ?? []).entries()) {
      const weights = gateWeights(gates.params.beta[index] as number[], 1 / inverse);
      t.true(Math.abs(normalisedEntropy(weights) - entropy) <= 1e-5);
    }
  });
}

const HEADS = [
  { heads: 'larger', logit: (a: number, b: number) => Math.max(a, b) },
  { heads: 'difference', logit: (a: number, b: number) => b - a },
] as const;

for (const { heads, logit } of HEADS) {
  test(`a class’s logit is the ${heads} of its head’s two outputs`, (t) => {
    const network = randomNetwork({ model: 'hme_ltb', width: 8, heads });
    const set = (name: string, values: (shape: number[]) => tf.Tensor): void => {
      const { variable } = network.trainable.get(`heads/linear3/${name}`) ?? t.fail(name);
      variable.assign(values(variable.shape));
    };
    const outputs = randomTensor<tf.Rank.R2>([10, 2]);
    set('kernel', (shape) => tf.zeros(shape));
    set('bias', () => outputs);
    const wanted = outputs.arraySync().map(([a = 0, b = 0]) => logit(a, b));
    for (const row of logitsOf(network, images(2), { mode: 'evaluate', hardGates: true })) {
      t.true(distance(row, wanted) < 1e-6);
    }
  });
}

test('entropy is 1 for a uniform row, 0 for a decided one, and ignores order and offsets', (t) => {
  t.is(normalisedEntropy([0.25, 0.25, 0.25, 0.25]), 1);
  t.is(normalisedEntropy([0, 1, 0]), 0);
  t.is(normalisedEntropy([1]), 0);
  const row = [0.1, 0.9, 0.4];
  const entropy = normalisedEntropy(gateWeights(row, INTRINSIC_TEMPERATURE));
  const shifted = row.map((value) => value + 17);
  t.true(Math.abs(normalisedEntropy(gateWeights(shifted, 0.5)) - entropy) < 1e-12);
  t.true(Math.abs(normalisedEntropy(gateWeights(row.toReversed(), 0.5)) - entropy) < 1e-12);
  t.is(
    gateEntropy(
      [
        [1, 1],
        [2, 2],
      ],
      0.5,
    ).effectiveExperts,
    2,
  );
});

test('the effective number of experts is the mean over the rows of exp(H)', (t) => {
  // One row decided, one of four equal experts: (1 + 4) / 2, where exp of the mean would be 2.
  const rows = [
    [1e3, 0, 0, 0],
    [5, 5, 5, 5],
  ];
  const { mean, effectiveExperts } = gateEntropy(rows, INTRINSIC_TEMPERATURE);
  t.true(Math.abs(mean - 0.5) < 1e-12);
  t.true(Math.abs(effectiveExperts - 2.5) < 1e-12, `${effectiveExperts}`);
});

test('a tie between experts goes to the lowest', (t) => {
  const tied = tf.tensor2d([
    [1, 3, 3],
    [2, 2, 2],
  ]);
  t.deepEqual(hardGate(tied).arraySync(), [
    [0, 1, 0],
    [1, 0, 0],
  ]);
});

test('adaptive pooling of 4 to 7 is the matrix of the reference, also in two dimensions', (t) => {
  const q = adaptivePoolMatrix(4, 7);
  t.deepEqual(q, adaptivePool4to7.value);
  const map = randomTensor<tf.Rank.R2>([4, 4]);
  const matrix = tf.tensor2d(q);
  const expected = tf.matMul(tf.matMul(matrix, map), matrix, false, true);
  const pooled = tf.matMul(tf.reshape(map, [1, 16]), adaptivePoolMatrix2d(4, 7));
  t.true(distance([...pooled.dataSync()], [...expected.dataSync()]) < 1e-6);
});

test('soft gates become the hard ones as the temperature falls', (t) => {
  const network = explainer();
  const batch = images(2);
  const hard = logitsOf(network, batch, { mode: 'evaluate', hardGates: true });
  const cold: Pass = { mode: 'evaluate', inverseGateTemperature: tf.scalar(1e6) };
  t.true(distance(logitsOf(network, batch, cold).flat(), hard.flat()) < 1e-6);
  network.dispose();
});

for (const model of ['hme_ltb', 'hme_paper']) {
  test(`leaving out dead experts of ${model} changes no logit and no gradient`, (t) => {
    const network = model === 'hme_ltb' ? explainer() : randomNetwork({ model });
    const batch = images(4);
    const route = routeOf(network);
    const live = liveParameters(network, route);
    const whole = [...network.trainable.values()].filter(({ group }) => group === 'weights');
    t.true(live.length < whole.length, 'the seed leaves experts dead');
    const evaluate = { mode: 'evaluate' } as const;
    const pruned = logitsOf(network, batch, { ...evaluate, route });
    const complete = logitsOf(network, batch, { ...evaluate, hardGates: true });
    t.true(distance(pruned.flat(), complete.flat()) < 1e-6);
    const routed = gradientsOf(network, batch, { mode: 'train', route });
    const full = gradientsOf(network, batch, { mode: 'train', hardGates: true });
    t.deepEqual(
      [...routed.keys()],
      live.map(({ name }) => name),
    );
    for (const [name, gradient] of routed) {
      t.true(distance(gradient, full.get(name) ?? []) < 1e-5, name);
    }
    const cost = liveCost(network, route);
    t.is(
      cost.parameters,
      live.reduce((sum, { variable }) => sum + variable.size, 0),
    );
    t.true(cost.multiplyAdds > 0 && cost.multiplyAdds < network.multiplyAdds);
    network.dispose();
  });
}

test('the explainer of the figure: a shared stage, two levels of four experts, two-way heads', (t) => {
  const network = randomNetwork({ model: 'hme_paper' });
  const pass = { mode: 'evaluate', inverseGateTemperature: tf.scalar(1) } as const;
  const forward = network.forward(images(2), pass);
  t.deepEqual(
    forward.experts?.map((level) => level.map((map) => map?.shape)),
    [Array(4).fill([2, 16, 16, 8]), Array(4).fill([2, 8, 8, 16])],
  );
  t.deepEqual(
    gateRows(network).map((rows) => [rows.length, rows[0]?.length]),
    [
      [4, 4],
      [10, 4],
    ],
  );
  const kernel = network.trainable.get('heads/linear/kernel')?.variable as tf.Variable;
  t.deepEqual(kernel.shape, [10, 16, 2]);
  // The second output speaks for the class, the first against it.
  const moved = tf.add(network.trainable.get('heads/linear/bias')?.variable as tf.Variable, [0, 3]);
  network.trainable.get('heads/linear/bias')?.variable.assign(moved);
  const raised = tf.add(forward.logits, 3).dataSync<'float32'>();
  t.true(distance(logitsOf(network, images(2), pass).flat(), [...raised]) < 1e-5);
  network.dispose();
});

test('an expert is live as long as some class reaches it', (t) => {
  const route: Route = {
    parents: [
      [0, 0, 1, 1],
      [1, 1, 2, 3],
      [0, 1, 1, 0, 2],
    ],
  };
  t.deepEqual(
    liveExperts(route).map((level) => [...level].toSorted()),
    [
      [0, 1],
      [1, 2],
      [0, 1, 2],
    ],
  );
});

test('no gradient reaches the gates of a hard pass, and all of them in a soft one', (t) => {
  const network = explainer();
  const gateNames = (reached: ReadonlyMap<string, unknown>): string[] =>
    [...reached.keys()].filter((name) => name.startsWith('gate'));
  const hard = gradientsOf(network, images(2), { mode: 'train', hardGates: true });
  t.deepEqual(gateNames(hard), []);
  const soft = { mode: 'train', inverseGateTemperature: tf.scalar(0.2) } as const;
  t.deepEqual(gateNames(gradientsOf(network, images(2), soft)), [
    'gate2/beta',
    'gate3/beta',
    'gate4/beta',
  ]);
  network.dispose();
});

test('dropout follows the fed seed in training and is off in evaluation', (t) => {
  const network = explainer();
  const batch = images(4);
  const logits = (pass: Pass): number[][] => logitsOf(network, batch, { ...pass, hardGates: true });
  const one = tf.tensor1d([1, 7], 'int32');
  const two = tf.tensor1d([2, 7], 'int32');
  const dropped = logits({ mode: 'train', dropoutSeed: one });
  t.deepEqual(logits({ mode: 'train', dropoutSeed: one }), dropped);
  t.notDeepEqual(logits({ mode: 'train', dropoutSeed: two }), dropped);
  t.notDeepEqual(logits({ mode: 'train' }), dropped);
  t.deepEqual(logits({ mode: 'evaluate', dropoutSeed: one }), logits({ mode: 'evaluate' }));
  network.dispose();
});

test('a pass that says nothing about gates is refused', (t) => {
  const network = explainer();
  t.throws(() => network.forward(images(1), { mode: 'evaluate' }), {
    message: /no gates; allowed: inverseGateTemperature, hardGates or route/,
  });
  network.dispose();
});

test('levels and width are free: four levels read 64 × 64 pixels', (t) => {
  const network = randomNetwork({
    model: 'hme_ltb',
    imageSize: 64,
    width: 4,
    experts: [2, 3, 4, 5],
    classes: 6,
  });
  const pass = { mode: 'evaluate', inverseGateTemperature: tf.scalar(1) } as const;
  const forward = network.forward(images(2, 64), pass);
  t.deepEqual(forward.logits.shape, [2, 6]);
  t.deepEqual(
    forward.experts?.map((level) => level.length),
    [2, 3, 4, 5],
  );
  t.deepEqual(forward.experts?.at(-1)?.[0]?.shape, [2, 4, 4, 2]);
  const shapes = gateRows(network).map((rows) => [rows.length, rows[0]?.length]);
  t.deepEqual(shapes, [
    [3, 2],
    [4, 3],
    [5, 4],
    [6, 5],
  ]);
  network.dispose();
});
