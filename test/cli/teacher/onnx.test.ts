import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

import { addTeacher, type AddOptions } from '../../../cli/teacher/add.ts';
import type { OnnxModel } from '../../../formats/onnx.ts';
import { encodeMessage, type Message } from '../../../formats/protobuf.ts';
import { networkCost } from '../../../learning/models/build.ts';
import { sha256 } from '../../../stores/artifacts.ts';
import { findTeacher, pinStudy } from '../../../stores/teachers.ts';
import { digestJson } from '../../../study/canonical.ts';

import type { CodeIndex } from '../../../study/code.ts';
import { bindTrial, expandStudy } from '../../../study/plan/plan.ts';
import { resolveStudy } from '../../../study/resolve.ts';
import type { Study } from '../../../study/schema.ts';
import { folder } from '../dataset/archives.ts';
import { emptyStore } from '../study/store.ts';
import { exportedFolder } from '../export/networks.ts';
import { onnxFile, tinyModel } from './onnx.ts';

const TRAIN = { epochs: 1, optimizer: { name: 'sgd' } };
const RESNET8 = { model: 'resnet8', classes: 10, imageSize: 32 };
const code = new Proxy({}, { get: () => new Proxy({}, { get: () => 'code' }) }) as CodeIndex;
const context = { datasetDigest: digestJson('digits'), code };

function study(changes: object = {}): Study {
  const resolution = resolveStudy({
    name: 'mine',
    dataset: { name: 'digits', preset: 'correct' },
    seeds: { init: [1], data: [1] },
    teachers: [{ id: 'theirs', import: 'mine' }],
    sweep: {
      students: [{ name: 'resnet8' }],
      methods: [{ id: 'KD', distillers: [{ name: 'kd' }] }],
      train: TRAIN,
    },
    ...changes,
  });
  if (!resolution.ok) throw new Error(JSON.stringify(resolution.problems));
  return resolution.study;
}

test('a file of ONNX is told by its own word: input, output, layout, classes and cost', async (t) => {
  const store = await emptyStore(t);
  const path = await onnxFile(t, tinyModel());
  const added = await addTeacher(store, 'mine', path);
  t.like(added, { model: 'ONNX', classes: 10 });
  const teacher = await findTeacher(store, 'mine');
  if (teacher === undefined || !('onnx' in teacher)) throw new Error('no ONNX');
  t.deepEqual(teacher.onnx, {
    ...{ input: 'x', output: 'y', layout: 'NCHW' },
    parameters: 8 * 27 + 80 + 10,
    // 16 × 16 values of 8 channels by 27, and ten classes by 8.
    multiplyAdds: 16 * 16 * 8 * 27 + 80,
    activations: 16 * 16 * 8 + 10,
  });
  t.is(teacher.source.format, 'onnx');
  t.is(teacher.weights, sha256(await readFile(path)));
  t.is(sha256(await store.getBlob(teacher.weights)), teacher.weights);
});

test('an exported network comes back as a teacher, and its cost is that of the network', async (t) => {
  const store = await emptyStore(t);
  const { folder } = await exportedFolder(t, { model: 'resnet8' }, 'onnx');
  await addTeacher(store, 'mine', join(folder, 'model.onnx'));
  const teacher = await findTeacher(store, 'mine');
  if (teacher === undefined || !('onnx' in teacher)) throw new Error('no ONNX');
  t.like(teacher.onnx, {
    input: 'images',
    output: 'logits',
    multiplyAdds: networkCost(RESNET8).multiplyAdds,
  });
  t.is(teacher.imageSize, 32);
});

test('its logits are computed by a teach leg whatever the cache of the study', async (t) => {
  const store = await emptyStore(t);
  await addTeacher(store, 'mine', await onnxFile(t, tinyModel()));
  const nodes = expandStudy(await pinStudy(store, study()), context);
  t.deepEqual(
    nodes.map(({ id }) => id),
    [
      'teacher/theirs/evaluation',
      'teacher/theirs/teach/pad4-flip-e1/d1',
      'sweep/resnet8/KD/s1',
      'sweep/resnet8/KD/s1/evaluation',
    ],
  );
  const teach = nodes[1];
  if (teach === undefined) throw new Error('no teach leg');
  const { spec, key } = bindTrial(teach, new Map());
  if (spec.kind !== 'teach') throw new Error(spec.kind);
  t.true('onnx' in spec.teacher);
  t.regex(spec.teacher.weights, /^[0-9a-f]{64}$/);

  const other = tinyModel();
  const bias = other.constants.get('bias');
  bias?.values.fill(0.5 as never);
  await addTeacher(store, 'mine', await onnxFile(t, other));
  const again = expandStudy(await pinStudy(store, study()), context)[1];
  t.not(again && bindTrial(again, new Map()).key, key, 'the digest of the file is in the key');
});

test('methods that read features refuse it, and so do stages that move images differently', async (t) => {
  const store = await emptyStore(t);
  await addTeacher(store, 'mine', await onnxFile(t, tinyModel()));
  const methods = [{ id: 'AT', distillers: [{ name: 'ce', weight: 1 }, { name: 'at' }] }];
  const sweep = { students: [{ name: 'resnet8' }], methods, train: TRAIN };
  await t.throwsAsync(pinStudy(store, study({ sweep })), {
    code: 'SpecInvalid',
    message:
      /methods\[0\]\.distillers\[1\]: found "at", which reads features, under teacher\/theirs, a network of ONNX/,
  });
  const views = [{ id: 'MLKD', distillers: [{ name: 'mlkd' }] }];
  await t.throwsAsync(pinStudy(store, study({ sweep: { ...sweep, methods: views } })), {
    message: /distillers\[0\]: found "mlkd", which reads logits of a second view of every image/,
  });
  const stage = {
    ...{ epochs: 1, batch: 64, schedule: 'constant', optimizer: { name: 'adam' } },
    augment: { pad: 2, flip: false },
  };
  const explain = { seeds: 1, stage1: stage, stage2: { ...stage, epochs: 2 } };
  await t.throwsAsync(pinStudy(store, study({ explain })), {
    code: 'SpecInvalid',
    message: /\$\.explain\.stage2: found other epochs or augmentation/,
  });
  await t.notThrowsAsync(pinStudy(store, study({ explain: { ...explain, stage2: stage } })));
});

test('a study of other classes or other pixels refuses it', async (t) => {
  const store = await emptyStore(t);
  const small = tinyModel({ input: { name: 'x', shape: ['n', 3, 24, 24] } });
  await addTeacher(store, 'mine', await onnxFile(t, small));
  await t.throwsAsync(pinStudy(store, study()), {
    code: 'SpecInvalid',
    message: /which takes images of 24 pixels; allowed: of 32, as digits has/,
  });
  await addTeacher(store, 'mine', await onnxFile(t, tinyModel()));
  await t.throwsAsync(
    pinStudy(store, study({ dataset: { name: 'cifar100', preset: 'correct' } })),
    {
      code: 'SpecInvalid',
      message: /which tells 10 classes apart; allowed: 100/,
    },
  );
});

type Refused = readonly [what: string, model: OnnxModel, message: RegExp, options?: AddOptions];

const TINY = tinyModel();
const [conv, relu, mean, gemm] = TINY.nodes as [
  ...[OnnxModel['nodes'][0], OnnxModel['nodes'][0], OnnxModel['nodes'][0], OnnxModel['nodes'][0]],
];

const REFUSED: readonly Refused[] = [
  [
    'probabilities',
    tinyModel({
      nodes: [
        ...[conv, relu, mean],
        { ...gemm, outputs: ['z'] },
        { name: 's', operation: 'Softmax', inputs: ['z'], outputs: ['y'] },
      ],
    }),
    /its output y is probabilities, .*allowed: logits/,
  ],
  [
    'maps for logits',
    tinyModel({
      nodes: [conv, { ...relu, outputs: ['y'] }],
      output: { name: 'y', shape: ['n', 8, 'a', 'b'] },
    }),
    /its output y is \[2, 8, 16, 16\] for 2 images; allowed: a logit for every image/,
  ],
  [
    'images of one channel',
    tinyModel({ input: { name: 'x', shape: ['n', 1, 28, 28] } }),
    /its input x is float32 \[n, 1, 28, 28\]; allowed: one input/,
  ],
  [
    'images that are not square',
    tinyModel({ input: { name: 'x', shape: ['n', 3, 32, 48] } }),
    /32 by 48 pixels; allowed: square images/,
  ],
  [
    'a layout that the file contradicts',
    TINY,
    /its input x is float32 \[n, 3, h, w\], not NHWC/,
    { layout: 'NHWC' },
  ],
  [
    'images whose layout is open',
    tinyModel({ input: { name: 'x', shape: ['n', 'c', 'h', 'w'] } }),
    /in either layout; allowed: --layout says which/,
  ],
  ['a model of another format', TINY, /--model says nothing of it/, { model: 'resnet8' }],
];

for (const [what, model, message, options] of REFUSED) {
  test(`${what} are refused by name, and nothing is stored`, async (t) => {
    const store = await emptyStore(t);
    const path = await onnxFile(t, model);
    await t.throwsAsync(addTeacher(store, 'mine', path, options), {
      code: 'DataMismatch',
      message,
    });
    t.deepEqual(await store.list(''), []);
  });
}

async function refused(t: ExecutionContext, bytes: Uint8Array, message: RegExp): Promise<void> {
  const path = join(await folder(t), 'net.onnx');
  await writeFile(path, bytes);
  const store = await emptyStore(t);
  await t.throwsAsync(addTeacher(store, 'mine', path), { code: 'DataMismatch', message });
}

/** More of a graph: messages that stand twice are merged. */
async function refusedWith(t: ExecutionContext, graph: Message, message: RegExp): Promise<void> {
  const bytes = await readFile(await onnxFile(t, TINY));
  await refused(t, Buffer.concat([bytes, encodeMessage([[7, graph]])]), message);
}

/** ONNX's number of text. */
const TEXT = 8;

test('a graph with text as an output is refused by its name', async (t) => {
  const constant: Message = [
    [1, 1],
    [2, TEXT],
    [6, 'bird'],
    [8, 'words'],
  ];
  const node: Message = [
    [1, 'words'],
    [2, 'label'],
    [4, 'Identity'],
  ];
  const type: Message = [[1, [[1, TEXT]]]];
  const output: Message = [
    [1, 'label'],
    [2, type],
  ];
  const graph: Message = [
    [1, node],
    [5, constant],
    [12, output],
  ];
  await refusedWith(t, graph, /its output label is text; allowed: one output, a logit/);
});

test('weights in other files are refused', async (t) => {
  const tensor: Message = [
    [1, 4],
    [2, 1],
    [8, 'far'],
    [14, 1],
  ];
  await refusedWith(t, [[5, tensor]], /it keeps its weights in other files/);
});

test('a network whose logits depend on the other images is refused', async (t) => {
  const nodes = [
    ...[conv, relu, { ...mean, attributes: { axes: [0, 2, 3], keepdims: 0 } }],
    { name: 'u', operation: 'Unsqueeze', inputs: ['m', 'zero'], outputs: ['u'] },
    { name: 'e', operation: 'Expand', inputs: ['u', 'two'], outputs: ['e'] },
    { ...gemm, inputs: ['e', 'matrix', 'bias'] },
  ];
  const constants = new Map([
    ...TINY.constants,
    ['zero', { shape: [1], values: BigInt64Array.of(0n) }] as const,
    ['two', { shape: [2], values: BigInt64Array.of(2n, 8n) }] as const,
  ]);
  const bytes = await readFile(await onnxFile(t, tinyModel({ nodes, constants })));
  await refused(t, bytes, /change with the images beside it/);
});

test('a file that breaks off is refused', async (t) => {
  const bytes = await readFile(await onnxFile(t, TINY));
  await refused(t, bytes.subarray(0, bytes.length - 40), /breaks off or is no protobuf, at byte/);
  await refused(t, Uint8Array.of(8, 8), /is no network that ONNX Runtime takes/);
});
