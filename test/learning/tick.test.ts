import test from 'ava';

import type { LegContext } from '../../learning/context.ts';
import { encodeTensors } from '../../learning/engine/safetensors.ts';
import { networkState, readState } from '../../learning/engine/state.ts';
import { work } from '../../learning/leg.ts';
import { startNetwork, weightsFile } from '../../learning/networks.ts';
import { digestJson } from '../../study/canonical.ts';
import type { LegSpec, Trained, TrainSpec } from '../../study/spec.ts';
import { createMemory, FEW_DIGITS, type Memory } from './memory.ts';

/** More than a batch of 100 test images. */
const DATASET = { ...FEW_DIGITS, split: { train: 150, validation: 0, test: 250 } } as const;
const BASE = {
  device: { kind: 'cpu', threads: 1, precision: 'float32' },
  engine: 'eager',
  dataset: DATASET,
  code: digestJson('code'),
} as const;
const BATCHES = 3;
/** Every class has fewer than 64 images, and so one step. */
const CONFLICT_STEPS = 10;
const EXPLAINER = { name: 'hme_ltb', width: 2 } as const;

/** Stores an untrained network. */
async function stored(memory: Memory, trained: Omit<Trained, 'weights'>): Promise<Trained> {
  const spec = { ...BASE, ...trained, kind: 'train', seeds: { init: 1, data: 2 } } as TrainSpec;
  const parent = trained.gates === 'hard' ? await stored(memory, { model: EXPLAINER }) : undefined;
  const gated = startNetwork(spec, parent && memory.blobs.get(parent.weights));
  const file = weightsFile(gated, readState(networkState(gated.network)), 1);
  gated.network.dispose();
  const { ports } = memory.context(spec);
  return { ...trained, weights: (await ports.writeBlob(encodeTensors(file))).digest };
}

/** The steps that a leg reports where each look at the clock finds it ten seconds later. */
async function reported(memory: Memory, spec: LegSpec): Promise<readonly (readonly number[])[]> {
  let seconds = 0;
  const context: LegContext = { ...memory.context(spec), now: () => (seconds += 10) };
  await work(spec, context);
  return memory.progress.map(({ epoch, step, steps }) => [epoch, step, steps]);
}

function everyStepOf(steps: number): readonly (readonly number[])[] {
  return Array.from({ length: steps }, (_, step) => [1, step + 1, steps]);
}

test('an evaluation that is slow reports each of its steps', async (t) => {
  const memory = createMemory();
  const vam = { block: 8, entropyWeight: 1e-3 };
  const network = await stored(memory, { model: { name: 'resnet8' }, vam });
  const teacher = await stored(memory, { model: { name: 'resnet8' } });
  const steps = await reported(memory, { ...BASE, kind: 'evaluate', network, teacher });
  // The student as it is and folded, and its teacher.
  t.deepEqual(steps, everyStepOf(3 * BATCHES));
});

test('an explanation that is slow reports each of its steps, the conflict rates included', async (t) => {
  const memory = createMemory();
  const soft = await stored(memory, { model: EXPLAINER, gates: 'soft' });
  const hard = await stored(memory, { model: EXPLAINER, gates: 'hard' });
  const distillers = [{ name: 'ce', weight: 1 }];
  const steps = await reported(memory, { ...BASE, kind: 'explain', soft, hard, distillers });
  t.deepEqual(steps, everyStepOf(2 * BATCHES + 2 * CONFLICT_STEPS));
});
