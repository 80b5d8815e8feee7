/** A training that is stopped and goes on ends with the same bytes, whatever its loss remembers. */
import '../learning/one-thread.ts';

import test from 'ava';

import { distillerOf, teacherUse } from '../../distillers/lookup.ts';
import { DISTILLERS } from '../../distillers/registry.ts';
import { work } from '../../learning/leg.ts';
import { digestJson } from '../../study/canonical.ts';
import { distillerSchema } from '../../study/distillers.ts';
import type { Trained, TrainSpec } from '../../study/spec.ts';
import { trainSchema } from '../../study/train-schema.ts';
import { createMemory, FEW_DIGITS, type Memory } from '../learning/memory.ts';

/** Small enough for a test; every other option is the published one. */
const SMALL: Readonly<Record<string, object>> = {
  crd: { negatives: 32, dimensions: 8 },
  cc: { dimensions: 8 },
  // Half of the run, so that one stop is in the phase before the training.
  ab: { epochs: 240 },
  fsp: { epochs: 240 },
  ft: { epochs: 240 },
};
/** Steps of an epoch: the last batch is short. */
const STEPS = 3;

function specOf(engine: TrainSpec['engine'], names: readonly string[]): TrainSpec {
  return {
    kind: 'train',
    device: { kind: 'cpu', threads: 1, precision: 'float32' },
    engine,
    dataset: { ...FEW_DIGITS, split: { train: 40, validation: 0, test: 10 } },
    code: digestJson('code'),
    model: { name: 'resnet8' },
    distillers: names.map((name) => distillerSchema.parse({ name, ...SMALL[name] })),
    train: trainSchema.parse({
      ...{ epochs: 2, batch: 16, augment: { pad: 2, flip: false } },
      optimizer: { name: 'sgd', learningRate: 0.01 },
    }),
    seeds: { init: 1, data: 7 },
  };
}

function withDot(train: TrainSpec['train'], dot: number): TrainSpec['train'] {
  return trainSchema.parse({ ...train, optimizer: { ...train.optimizer, dot } });
}

async function weightsOf(memory: Memory, spec: TrainSpec, stopAfter?: number): Promise<string> {
  const end = await work(spec, memory.context(spec, stopAfter));
  return end.outcome === 'done' ? (end.result.files['weights']?.digest ?? '') : end.outcome;
}

/** Two worlds with the same teacher in them. */
async function worlds(): Promise<{ calm: Memory; rough: Memory; teacher: Trained }> {
  const [calm, rough] = [createMemory(), createMemory()];
  const spec: TrainSpec = { ...specOf('recorded', ['ce']), seeds: { init: 2, data: 8 } };
  const [weights] = [await weightsOf(calm, spec), await weightsOf(rough, spec)];
  return { calm, rough, teacher: { model: spec.model, weights } };
}
const shared = worlds();

/** What stands beside a method. */
type Beside = { readonly vam?: NonNullable<TrainSpec['vam']>; readonly dot?: number };

const resumes = test.macro<[name: string, engine: TrainSpec['engine'], beside?: Beside]>({
  title: (_, name, engine, { vam, dot } = {}) =>
    `a training with ${name}${vam === undefined ? '' : ' and VAM'}${dot === undefined ? '' : ' and DOT'} that is stopped twice ends alike: ${engine}`,
  exec: async (t, name, engine, { vam, dot } = {}) => {
    const { calm, rough, teacher } = await shared;
    const names = name === 'ce' || name === 'ls' ? [name] : ['ce', name];
    const plain = specOf(engine, names);
    const spec: TrainSpec = {
      ...plain,
      ...(dot === undefined ? {} : { train: withDot(plain.train, dot) }),
      ...(teacherUse([distillerOf(name).name]) === 'nothing' ? {} : { teacher }),
      ...(vam === undefined ? {} : { vam }),
    };
    const wanted = await weightsOf(calm, spec);
    t.regex(wanted, /^[0-9a-f]{64}$/);
    // In the middle of the first epoch, and of the second.
    t.is(await weightsOf(rough, spec, 1), 'stopped');
    t.is(await weightsOf(rough, spec, STEPS), 'stopped');
    t.is(await weightsOf(rough, spec), wanted);
  },
});

for (const { name } of DISTILLERS) {
  for (const engine of ['eager', 'recorded'] as const) test.serial(resumes, name, engine);
}

// One whose weight warms up, one with helper modules on pre-activations, one with an earlier phase.
for (const name of ['dkd', 'ofd', 'ab']) {
  test.serial(resumes, name, 'recorded', { vam: { block: 8, entropyWeight: 0.01 } });
}

// Two velocities: over logits, and where a helper is reached by the teacher's part alone.
for (const name of ['kd', 'fitnet']) {
  for (const engine of ['eager', 'recorded'] as const) {
    test.serial(resumes, name, engine, { dot: 0.075 });
  }
}

test.serial(
  'DOT trains otherwise than SGD where there is a teacher, and alike where there is none',
  async (t) => {
    const { calm, teacher } = await shared;
    const ends = async (name: string, dot?: number) => {
      const { train, ...spec } = { ...specOf('recorded', ['ce', name]), teacher };
      return weightsOf(calm, { ...spec, train: dot === undefined ? train : withDot(train, dot) });
    };
    t.not(await ends('kd'), await ends('kd', 0.075));
    const alone = specOf('recorded', ['ce']);
    const withoutTeacher = { ...alone, train: withDot(alone.train, 0.075) };
    t.is(await weightsOf(calm, withoutTeacher), await weightsOf(calm, alone));
  },
);
