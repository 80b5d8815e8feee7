/** Methods that change more of a training than its loss: on digits, what they minimise falls. */
import '../learning/one-thread.ts';

import test from 'ava';

import { work } from '../../learning/leg.ts';
import { digestJson } from '../../study/canonical.ts';
import { distillerSchema } from '../../study/distillers.ts';
import type { TrainSpec } from '../../study/spec.ts';
import { trainSchema } from '../../study/train-schema.ts';
import type { EpochRecord } from '../../leg/records.ts';
import { createMemory, FEW_DIGITS } from '../learning/memory.ts';

const memory = createMemory();

function specOf(changes: Partial<TrainSpec>, dot?: number): TrainSpec {
  return {
    kind: 'train',
    device: { kind: 'cpu', threads: 1, precision: 'float32' },
    engine: 'recorded',
    dataset: FEW_DIGITS,
    code: digestJson('code'),
    model: { name: 'resnet8' },
    distillers: [{ name: 'ce', weight: 1 }],
    train: trainSchema.parse({
      ...{ epochs: 4, batch: 32, augment: { pad: 2, flip: false } },
      optimizer: { name: 'sgd', learningRate: 0.02, ...(dot === undefined ? {} : { dot }) },
    }),
    seeds: { init: 1, data: 7 },
    ...changes,
  };
}

async function trained(spec: TrainSpec): Promise<{ weights: string; log: EpochRecord[] }> {
  const end = await work(spec, memory.context(spec));
  if (end.outcome !== 'done') throw new Error(end.outcome);
  const { weights, epochs } = end.result.files;
  const lines = new TextDecoder().decode(memory.blobs.get(epochs?.digest ?? '')).trim();
  const log = lines.split('\n').map((line) => JSON.parse(line) as EpochRecord);
  return { weights: weights?.digest ?? '', log };
}

const teacher = trained(specOf({ seeds: { init: 2, data: 8 } }));

const falls = test.macro<
  [distillers: readonly object[], engine: TrainSpec['engine'], dot?: number]
>(async (t, terms, engine, dot) => {
  const { weights } = await teacher;
  const distillers = terms.map((term) => distillerSchema.parse(term));
  const taught = { model: { name: 'resnet8' as const }, weights };
  const { log } = await trained(specOf({ engine, distillers, teacher: taught }, dot));
  const [first, last] = [log[0], log.at(-1)];
  t.true((last?.loss ?? NaN) < 0.97 * (first?.loss ?? NaN), `${first?.loss} → ${last?.loss}`);
  t.true((last?.trainTop1 ?? NaN) > (first?.trainTop1 ?? NaN));
});

for (const engine of ['eager', 'recorded'] as const) {
  const ce = { name: 'ce', weight: 0.1 };
  test.serial(`simkd alone: ${engine}`, falls, [{ name: 'simkd' }], engine);
  test.serial(`mlkd: ${engine}`, falls, [ce, { name: 'mlkd' }], engine);
  test.serial(`KD by DOT: ${engine}`, falls, [ce, { name: 'kd' }], engine, 0.075);
}
