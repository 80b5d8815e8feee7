import { join } from 'node:path';

import test from 'ava';

import { readWeightsFile } from '../../../cli/teacher/file.ts';
import { encodeTensors } from '../../../learning/engine/safetensors.ts';
import { recogniseNetwork } from '../../../learning/exchange/recognise.ts';
import { work } from '../../../learning/leg.ts';
import type { LogitsIndex } from '../../../leg/records.ts';
import type { Result } from '../../../leg/result.ts';
import { digestJson } from '../../../study/canonical.ts';
import type { LegSpec, TrainSpec } from '../../../study/spec.ts';
import { trainSchema } from '../../../study/train-schema.ts';
import { createMemory, FEW_DIGITS } from '../memory.ts';

const FILE = join(import.meta.dirname, '../../fixtures/teachers/resnet8.pth');
const SPLIT = { train: 32, validation: 0, test: 20 };
const INPUTS = { scale: [0.5, 0.6, 0.7], shift: [-0.1, 0, 0.1] };

test('a teacher from elsewhere teaches by its features, and by logits as its network gives them, on either engine', async (t) => {
  const memory = createMemory();
  const { tensors } = recogniseNetwork((await readWeightsFile(FILE)).tensors, undefined, FILE);
  const base = {
    device: { kind: 'cpu', threads: 1, precision: 'float32' },
    dataset: { ...FEW_DIGITS, split: SPLIT },
    code: digestJson('code'),
  } as const;
  const train = trainSchema.parse({ epochs: 1, batch: 16, optimizer: { name: 'sgd' } });
  const empty: LegSpec = {
    ...{ ...base, engine: 'eager', kind: 'train', train, seeds: { init: 1, data: 1 } },
    ...{ model: { name: 'resnet8' }, distillers: [{ name: 'ce', weight: 1 }] },
  };
  const { ports } = memory.context(empty);
  const bytes = encodeTensors({ tensors, metadata: {} });
  const { digest: weights } = await ports.writeBlob(bytes);
  const run = async (spec: LegSpec): Promise<Result> => {
    const end = await work(spec, memory.context(spec));
    if (end.outcome !== 'done') throw new Error(`ended as ${end.outcome}`);
    return end.result;
  };
  const taught = (engine: TrainSpec['engine'], inputs?: typeof INPUTS): Promise<Result> =>
    run({
      ...{ ...empty, engine },
      distillers: [
        { name: 'ce', weight: 1 },
        { name: 'at', weight: 1000 },
      ],
      teacher: {
        ...{ model: { name: 'resnet8' }, weights },
        ...(inputs === undefined ? {} : { inputs }),
      },
    });
  const lossOf = ({ metrics }: Result): number => metrics['loss.last'] ?? NaN;
  const recorded = lossOf(await taught('recorded', INPUTS));
  const eager = lossOf(await taught('eager', INPUTS));
  t.true(Math.abs(recorded - eager) < 1e-4 * eager, `${recorded} and ${eager}`);
  t.not(lossOf(await taught('eager')), eager, 'its own normalisation makes a difference');

  const logitsOf = async (engine: 'eager' | 'recorded'): Promise<Float16Array> => {
    const { files } = await run({
      ...{ ...base, engine, kind: 'teach', augment: train.augment, epochs: 1, seeds: { data: 1 } },
      teacher: { model: { name: 'resnet8' }, weights, inputs: INPUTS },
    });
    const read = async (digest = ''): Promise<Uint8Array> => ports.readBlob(digest);
    const text = new TextDecoder().decode(await read(files['logits']?.digest));
    const [epoch] = (JSON.parse(text) as LogitsIndex).epochs;
    return new Float16Array(Uint8Array.from(await read(epoch?.digest)).buffer);
  };
  const [first, second] = [await logitsOf('recorded'), await logitsOf('eager')];
  t.is(first.length, SPLIT.train * 10);
  t.true(first.every((value, i) => Math.abs(value - (second[i] ?? NaN)) < 0.01));
});
