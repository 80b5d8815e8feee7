import test from 'ava';

import { describeOnnx } from '../../../cli/teacher/onnx.ts';
import { onnxModel } from '../../../cli/export/onnx.ts';
import { encodeOnnx, type OnnxModel } from '../../../formats/onnx.ts';
import type { Evaluation, Explanation, LogitsIndex } from '../../../leg/records.ts';
import type { Result } from '../../../leg/result.ts';
import { parseLeg } from '../../../leg/schema.ts';
import { exportNetwork } from '../../../learning/export/network.ts';
import { work } from '../../../learning/leg.ts';
import { loadNetwork } from '../../../learning/networks.ts';
import { halfRows } from '../../../learning/teaching/logits.ts';
import { recomputeLogits } from '../../../learning/teaching/teach.ts';
import { digestBytes, digestJson } from '../../../study/canonical.ts';
import { inputChange } from '../../../study/imported-teacher.ts';
import type { OnnxNetwork } from '../../../study/spec.ts';
import type {
  EvaluateSpec,
  ExplainSpec,
  LegSpec,
  TeachSpec,
  Trained,
  TrainSpec,
} from '../../../study/spec.ts';
import { trainSchema } from '../../../study/train-schema.ts';
import { createMemory, FEW_DIGITS, type Memory } from '../memory.ts';

const BASE = {
  device: { kind: 'cpu', threads: 1, precision: 'float32' },
  engine: 'recorded',
  dataset: FEW_DIGITS,
  code: digestJson('code'),
} as const;
const AUGMENT = { pad: 2, flip: true };
const EPOCHS = 2;
const MODEL = { name: 'resnet8' } as const;

function training(changes: Partial<TrainSpec> = {}): TrainSpec {
  return {
    ...BASE,
    ...{ kind: 'train', model: MODEL, distillers: [{ name: 'ce', weight: 1 }] },
    train: trainSchema.parse({
      ...{ epochs: EPOCHS, batch: 64, augment: AUGMENT },
      optimizer: { name: 'sgd', learningRate: 0.05 },
    }),
    seeds: { init: 1, data: 7 },
    ...changes,
  };
}

function teaching(teacher: TeachSpec['teacher']): TeachSpec {
  const seeds = { data: 7 };
  return { ...BASE, kind: 'teach', teacher, augment: AUGMENT, epochs: EPOCHS, seeds };
}

async function complete(memory: Memory, spec: LegSpec): Promise<Result> {
  const end = await work(spec, memory.context(spec));
  if (end.outcome !== 'done') throw new Error(`ended as ${end.outcome}`);
  return end.result;
}

/** A network that has learnt a little, and the same in a file of ONNX. */
async function bothWays(change: (model: OnnxModel) => OnnxModel = (model) => model) {
  const memory = createMemory();
  const { files } = await complete(memory, training());
  const own = { model: MODEL, weights: files['weights']?.digest ?? '' };
  const loaded = loadNetwork(own, FEW_DIGITS, memory.blobs.get(own.weights) as Uint8Array);
  const { description } = exportNetwork(loaded);
  loaded.network.dispose();
  const about = { name: 'x', documentation: '', metadata: {} };
  const bytes = encodeOnnx(change(onnxModel(description, about)));
  const { onnx } = await describeOnnx(bytes, 'net.onnx', {});
  const network: OnnxNetwork = { onnx, weights: digestBytes(bytes) };
  memory.blobs.set(network.weights, bytes);
  return { memory, own, network };
}

function rowsOf(memory: Memory, result: Result): readonly Float16Array[] {
  const index = JSON.parse(
    new TextDecoder().decode(memory.blobs.get(result.files['logits']?.digest ?? '')),
  ) as LogitsIndex;
  const [images, classes] = index.shape;
  return index.epochs.map(({ digest }) =>
    halfRows(memory.blobs.get(digest) as Uint8Array, images * classes, 'rows'),
  );
}

function furthest(a: readonly Float16Array[], b: readonly Float16Array[]): number {
  return Math.max(
    ...a.map((rows, epoch) =>
      rows.reduce(
        (most, value, at) => Math.max(most, Math.abs(value - (b[epoch]?.[at] ?? NaN))),
        0,
      ),
    ),
  );
}

test('a teach leg leaves the logits that the network itself would, and a student learns from them', async (t) => {
  const { memory, own, network } = await bothWays();
  const byOnnx = await complete(memory, teaching(network));
  const byNetwork = await complete(memory, teaching(own));
  const rows = rowsOf(memory, byOnnx);
  t.true(furthest(rows, rowsOf(memory, byNetwork)) < 1e-3, 'to half precision');
  t.true(Math.max(...(rows[0] ?? [])) > 0.1, 'and they say something');

  const spec = teaching(network);
  const again = await recomputeLogits(spec, [2], memory.context(spec).ports);
  t.deepEqual(halfRows(again.get(2) as Uint8Array, rows[1]?.length ?? 0, 'again'), rows[1]);

  const logits = byOnnx.files['logits']?.digest ?? '';
  const student = training({
    seeds: { init: 2, data: 7 },
    distillers: [{ name: 'kd', weight: 1, temperature: 4 }],
    teacher: { ...network, logits },
  });
  const learnt = await complete(memory, student);
  t.true((learnt.metrics['test.top1.last'] ?? 0) > 0);
  await t.throwsAsync(complete(memory, { ...student, teacher: network }), {
    code: 'SpecInvalid',
    message: /without logits; allowed: with those of a teach leg/,
  });
});

test('its evaluation is that of the network, alone and as the teacher of another', async (t) => {
  const { memory, own, network } = await bothWays();
  const evaluate = async (changes: Pick<EvaluateSpec, 'network' | 'teacher'>) => {
    const { files } = await complete(memory, { ...BASE, kind: 'evaluate', ...changes });
    const bytes = memory.blobs.get(files['evaluation']?.digest ?? '');
    return JSON.parse(new TextDecoder().decode(bytes)) as Evaluation;
  };
  const byOnnx = await evaluate({ network });
  const byNetwork = await evaluate({ network: own });
  t.is(byOnnx.top1, byNetwork.top1);
  t.true(Math.abs(byOnnx.nll - byNetwork.nll) < 1e-4);
  t.is(byOnnx.multiplyAdds, byNetwork.multiplyAdds);
  const beside = await evaluate({ network: own, teacher: network });
  t.is(beside.teacher?.agreement, 100);
  t.true((beside.teacher?.kl ?? 1) < 1e-6);
});

test('an explanation is held against it, and says nothing of conflicts under it', async (t) => {
  const { memory, network } = await bothWays();
  const model = { name: 'hme_ltb', width: 4 } as const;
  const stage = async (gates: 'soft' | 'hard', parent?: Trained): Promise<Trained> => {
    const changes = { model, gates, ...(parent === undefined ? {} : { parent }) };
    const { files } = await complete(memory, training(changes));
    return { model, gates, weights: files['weights']?.digest ?? '' };
  };
  const soft = await stage('soft');
  const hard = await stage('hard', soft);
  const told = async (distillers: ExplainSpec['distillers']): Promise<Explanation> => {
    const spec = { ...BASE, kind: 'explain', soft, hard, distillers, teacher: network } as const;
    const { files } = await complete(memory, spec);
    const bytes = memory.blobs.get(files['explanation']?.digest ?? '');
    return JSON.parse(new TextDecoder().decode(bytes)) as Explanation;
  };
  const distilled = await told([{ name: 'kd', weight: 1, temperature: 4 }]);
  t.is(typeof distilled.teacherCorrelation, 'number');
  t.is(typeof distilled.hard.teacher?.agreement, 'number');
  t.is(distilled.conflict, undefined);
  const plain = await told([{ name: 'ce', weight: 1 }]);
  t.truthy(plain.conflict, 'a loss without a teacher has its conflicts');
});

test('a network that takes one image at a time, of another normalisation, gives the same', async (t) => {
  const from = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.25, 1] };
  const { memory, own, network } = await bothWays((model) => ({
    ...model,
    input: { ...model.input, shape: [1, ...model.input.shape.slice(1)] },
  }));
  t.is(network.onnx.batch, 1);
  // Told of pixels that are moved, it moves them back: the network that reads both changes agrees.
  const inputs = inputChange(from, { mean: [0.4, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
  if (inputs === undefined) throw new Error('no change');
  const byOnnx = await complete(memory, teaching({ ...network, inputs }));
  const byNetwork = await complete(memory, teaching({ ...own, inputs }));
  t.true(furthest(rowsOf(memory, byOnnx), rowsOf(memory, byNetwork)) < 0.01);
});

test('a leg with such a teacher is read, and one that names half of it is refused', async (t) => {
  const { network } = await bothWays();
  const legOf = (spec: LegSpec) => ({
    ...{ key: digestJson(spec), spec, trial: 't', study: 's', run: '00000000', launch: 0 },
    resources: { memoryMiB: 1 },
  });
  const spec = teaching(network);
  t.deepEqual(parseLeg(legOf(spec)).spec, spec);
  const { layout: _layout, ...half } = network.onnx;
  const broken = teaching({ ...network, onnx: half as OnnxNetwork['onnx'] });
  t.throws(() => parseLeg(legOf(broken)), { code: 'SpecInvalid', message: /\$\.spec\.teacher/ });
});
