import { EPSILON } from '../engine/normalisation.ts';
import {
  attributeOf,
  constantAt,
  layerOf,
  numbersAt,
  one,
  shapeOf,
  strange,
  valueAt,
  type Call,
  type Constant,
  type Draft,
  type Rule,
  type Value,
} from './translation.ts';

/** What a window reads, with the zeros and the stride that were put in front of it. */
function windowInput(call: Call): { input: string; padding: number; stride: number } {
  const [x] = call.inputs;
  switch (x?.is) {
    case 'value':
      return { input: x.name, padding: 0, stride: 1 };
    case 'padded':
      return { input: x.of, padding: x.padding, stride: 1 };
    case 'thinned':
      return { input: x.of, padding: 0, stride: x.stride };
    default:
      throw strange(call);
  }
}

type Shape4 = readonly [number, number, number, number];

/** @param stride behind any that stands in front of it; `padding` of the operation itself */
function convolution(
  call: Call,
  draft: Draft,
  { stride, padding, groups }: { stride: number; padding: number; groups: number },
): Value {
  const before = windowInput(call);
  const kernel = constantAt(call, 1);
  const layer = layerOf(kernel.name);
  const name = draft.store(kernel, 'kernel');
  return draft.add(
    {
      ...{ kind: 'convolution', input: before.input, kernel: name, groups },
      ...{ stride: stride * before.stride, padding: padding + before.padding },
    },
    shapeOf(call),
    layer,
  );
}

/** TensorFlow's SAME is symmetric at stride 1 alone, and nothing else asks for it. */
const conv2d = one((call, draft) => {
  const [size] = constantAt(call, 1).tensor.shape as Shape4;
  const stride = (attributeOf(call, 'strides') as number[])[1] ?? 1;
  const isSame = attributeOf(call, 'padding') === 'SAME';
  if (isSame && stride !== 1) throw strange(call);
  return convolution(call, draft, { stride, padding: isSame ? (size - 1) / 2 : 0, groups: 1 });
});

/** Kernels that are all one ninth are an average, whose margin counts. */
const depthwise = one((call, draft) => {
  const kernel = constantAt(call, 1);
  const [size, , , channels] = kernel.tensor.shape as Shape4;
  const stride = attributeOf(call, 'stride') as number;
  const padding = (size - 1) / 2;
  const share = Math.fround(1 / size ** 2);
  if (kernel.name === undefined && kernel.tensor.values.every((value) => value === share)) {
    const { input } = windowInput(call);
    return draft.add(
      { kind: 'averagePool', input, window: { size, stride, padding } },
      shapeOf(call),
    );
  }
  return convolution(call, draft, { stride, padding, groups: channels });
});

/** x, γ, β, mean and variance; what is added follows. */
const NORM_INPUTS = 5;

/** Batch norm with the statistics at hand, and what is one operation with it. */
const norm = one((call, draft) => {
  const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((at) => constantAt(call, at)) as [
    ...[Constant, Constant, Constant, Constant],
  ];
  const layer = layerOf(gamma.name);
  const { shape, values } = gamma.tensor;
  const factor = values.map(
    (value, i) => value / Math.sqrt((variance.tensor.values[i] as number) + EPSILON),
  );
  const offset = beta.tensor.values.map(
    (value, i) => value - (mean.tensor.values[i] as number) * (factor[i] as number),
  );
  const stored = (of: Float32Array, name: string): string =>
    draft.store({ is: 'constant', tensor: { shape, values: of } }, `${layer ?? 'norm'}/${name}`);
  const maps = shapeOf(call);
  const names = { factor: stored(factor, 'factor'), offset: stored(offset, 'offset') };
  let value = draft.add({ kind: 'scale', input: valueAt(call, 0), ...names }, maps, layer);
  for (const position of call.inputs.keys()) {
    if (position < NORM_INPUTS) continue;
    const inputs = [value.name, valueAt(call, position)] as const;
    value = draft.add({ kind: 'add', inputs }, maps);
  }
  if (!attributeOf(call, 'rectified')) return value;
  return draft.add({ kind: 'relu', input: value.name }, maps);
});

const pad = one((call) => {
  const sizes = numbersAt(call, 1);
  const [, , padding = 0] = sizes;
  if (sizes.join() !== [0, 0, padding, padding, padding, padding, 0, 0].join()) throw strange(call);
  return { is: 'padded', of: valueAt(call, 0), padding };
});

/** Every n-th pixel, as `thin` of the engine takes them. */
const stridedSlice = one((call) => {
  const [batch, stride, other, channels] = numbersAt(call, 3);
  const isThin = batch === 1 && channels === 1 && stride === other && stride !== undefined;
  if (!isThin || numbersAt(call, 1).some((begin) => begin !== 0)) throw strange(call);
  return { is: 'thinned', of: valueAt(call, 0), stride };
});

const pool = (kind: 'maxPool' | 'averagePool'): Rule =>
  one((call, draft) => {
    const [, size = 1] = attributeOf(call, 'ksize') as number[];
    const [, stride = 1] = attributeOf(call, 'strides') as number[];
    if (attributeOf(call, 'padding') !== 'VALID') throw strange(call);
    const window = { size, stride, padding: 0 };
    return draft.add({ kind, input: valueAt(call, 0), window }, shapeOf(call));
  });

/** What maps go through. */
export const MAP_RULES: Readonly<Record<string, Rule>> = {
  AvgPool: pool('averagePool'),
  Conv2D: conv2d,
  KdxConvolution: one((call, draft) =>
    convolution(call, draft, { stride: 1, padding: 1, groups: 1 }),
  ),
  KdxDepthwise: depthwise,
  KdxGrouped: one((call, draft) => {
    const groups = attributeOf(call, 'groups') as number;
    return convolution(call, draft, { stride: 1, padding: 0, groups });
  }),
  KdxNorm: norm,
  KdxShuffle: one((call, draft) => {
    const groups = attributeOf(call, 'groups') as number;
    return draft.add({ kind: 'shuffle', input: valueAt(call, 0), groups }, shapeOf(call));
  }),
  MaxPool: pool('maxPool'),
  PadV2: pad,
  StridedSlice: stridedSlice,
};
