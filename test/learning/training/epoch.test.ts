import test from 'ava';

import type { EpochRecord } from '../../../leg/records.ts';
import { NO_SUMS } from '../../../learning/checkpoints.ts';
import { openInput } from '../../../learning/data/input.ts';
import { decodeTensors } from '../../../learning/engine/safetensors.ts';
import { work } from '../../../learning/leg.ts';
import { trainEpoch } from '../../../learning/training/epoch.ts';
import { batchPlan, openSession } from '../../../learning/training/session.ts';
import type { StepFeeds } from '../../../learning/training/step.ts';
import { digestJson } from '../../../study/canonical.ts';
import type { TrainSpec } from '../../../study/spec.ts';
import { createMemory, FEW_DIGITS } from '../memory.ts';

/** Two epochs of three steps: they fall into the published epochs 1, 51, 101, 151, 201 and 251. */
const SPEC: TrainSpec = {
  kind: 'train',
  device: { kind: 'cpu', threads: 1, precision: 'float32' },
  engine: 'eager',
  dataset: FEW_DIGITS,
  code: digestJson('code'),
  model: { name: 'hme_ltb', width: 4, experts: [2, 2] },
  gates: 'soft',
  distillers: [{ name: 'ce', weight: 1 }],
  train: {
    ...{
      epochs: 2,
      batch: 64,
      schedule: 'explainer-soft',
      scale: true,
      publishedEpochs: 240,
      milestones: [150, 180, 210],
      factor: 0.1,
      warmUpEpochs: 0,
    },
    augment: { pad: 2, flip: false },
    optimizer: { name: 'adam', learningRate: 0.002, gateLearningRate: 0.05, weightDecay: 5e-4 },
  },
  seeds: { init: 1, data: 1 },
};
const DECAYS = [50, 100, 150, 200, 250].map((done) => 1 - done / 309);

test('every step is fed the rates and the gate temperature of its published epoch', async (t) => {
  const session = await openSession(SPEC, createMemory().context(SPEC));
  const fed: Record<string, number[]> = {};
  const step = (feeds: StepFeeds) => {
    for (const name of ['learningRate', 'gateLearningRate', 'inverseGateTemperature'] as const) {
      const [value = NaN] = feeds[name].dataSync<'float32'>();
      (fed[name] ??= []).push(value);
    }
    return session.trainer.step(feeds);
  };
  const watched = { ...session, trainer: { ...session.trainer, step } };
  const input = openInput(batchPlan(session), { epoch: 1, step: 0 });
  for (const epoch of [1, 2]) {
    const start = { step: 0, sums: NO_SUMS };
    const { end } = await trainEpoch(watched, input, epoch, start, () => Promise.resolve(false));
    t.is(end, 'finished');
  }
  await input.close();
  session.dispose();
  const singles = (values: readonly number[]): number[] => [...Float32Array.from(values)];
  t.deepEqual(fed, {
    learningRate: singles([0.25 * 0.002, ...DECAYS.map((decay) => 0.002 * decay)]),
    gateLearningRate: singles([0, ...DECAYS.map((decay) => 0.05 * decay)]),
    inverseGateTemperature: singles([0.2, 10.2, 20.2, 30.2, 40.2, 50.2]),
  });
});

test('records and weights state the rates and the temperature of the last step', async (t) => {
  const memory = createMemory();
  const end = await work(SPEC, memory.context(SPEC));
  if (end.outcome !== 'done') throw new Error(`ended as ${end.outcome}`);
  const blob = (name: string): Uint8Array => {
    return memory.blobs.get(end.result.files[name]?.digest ?? '') ?? new Uint8Array();
  };
  const log = new TextDecoder().decode(blob('epochs')).trimEnd().split('\n');
  t.like(
    log.map((line) => JSON.parse(line) as EpochRecord),
    [
      { inverseGateTemperature: 20.2, learningRate: 0.002 * (1 - 100 / 309) },
      { inverseGateTemperature: 50.2, gateLearningRate: 0.05 * (1 - 250 / 309) },
    ],
  );
  const { metadata } = decodeTensors(blob('weights'), 'weights');
  t.is(metadata['inverseGateTemperature'], '50.2');
});
