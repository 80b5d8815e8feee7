import { MAP_RULES } from './map-rules.ts';
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
  type Known,
  type Rule,
  type Value,
} from './translation.ts';

/** Whether a constant has one number for each channel: [C], or [K, 1, C] of K linear layers at once. */
function isByChannel({ tensor: { shape } }: Constant, of: readonly number[]): boolean {
  return shape.at(-1) === of.at(-1) && shape.length <= of.length;
}

/** Adds a constant: as the bias of what gave the value, or as an operation of its own. */
function shifted(call: Call, draft: Draft, at: number): Value {
  const constant = constantAt(call, 1 - at);
  const shape = shapeOf(call);
  if (!isByChannel(constant, shape)) throw strange(call);
  const operation = draft.operationOf(valueAt(call, at));
  const { kind, name } = operation;
  const isOpen =
    (kind === 'convolution' || kind === 'linear') && operation.bias === undefined
      ? 'bias'
      : kind === 'scale' && operation.offset === undefined
        ? 'offset'
        : undefined;
  if (isOpen === undefined) {
    const offset = draft.store(constant, 'offset');
    return draft.add({ kind: 'scale', input: name, offset }, shape);
  }
  draft.consume(call.ids[at] as number);
  const stored = draft.store(constant, `${name}/${isOpen}`);
  return draft.replace({ ...operation, [isOpen]: stored });
}

const add = one((call, draft) => {
  const at = call.inputs.findIndex(({ is }) => is === 'constant');
  if (at >= 0) return shifted(call, draft, 1 - at);
  const inputs = [valueAt(call, 0), valueAt(call, 1)] as const;
  return draft.add({ kind: 'add', inputs }, shapeOf(call));
});

const multiply = one((call, draft) => {
  const constant = constantAt(call, 1);
  if (!isByChannel(constant, shapeOf(call))) throw strange(call);
  const factor = draft.store(constant, 'factor');
  return draft.add({ kind: 'scale', input: valueAt(call, 0), factor }, shapeOf(call));
});

/** Parts of the last axis. */
function slices(call: Call, draft: Draft, sizes: readonly number[]): readonly Known[] {
  let from = 0;
  return sizes.map((count) => {
    const shape = [...shapeOf(call).slice(0, -1), count];
    const part = draft.add({ kind: 'slice', input: valueAt(call, 0), from, count }, shape);
    from += count;
    return part;
  });
}

const split: Rule = (call, draft) => {
  if (numbersAt(call, 2)[0] !== shapeOf(call).length - 1) throw strange(call);
  return slices(call, draft, numbersAt(call, 1));
};

const unpack: Rule = (call, draft) => {
  const shape = shapeOf(call);
  if (attributeOf(call, 'axis') !== shape.length) throw strange(call);
  const input = valueAt(call, 0);
  return call.outputs.map((_, from) => {
    const part = draft.add({ kind: 'slice', input, from, count: 1 }, [...shape, 1]);
    return draft.add({ kind: 'reshape', input: part.name }, shape);
  });
};

const transpose = one((call, draft) => {
  const permutation = numbersAt(call, 1).join();
  const of = valueAt(call, 0);
  if (permutation === '0,3,1,2') return { is: 'planes', of };
  if (permutation === '1,0') return draft.add({ kind: 'transpose', input: of }, shapeOf(call));
  throw strange(call);
});

const reshape = one((call, draft) => {
  const [x] = call.inputs;
  const shape = shapeOf(call);
  if (x?.is !== 'planes') return draft.add({ kind: 'reshape', input: valueAt(call, 0) }, shape);
  const [batch = 1, ...sizes] = draft.operationOf(x.of).shape;
  const values = sizes.reduce((product, size) => product * size, 1);
  const flat = draft.add({ kind: 'flatten', input: x.of }, [batch, values]);
  return draft.add({ kind: 'reshape', input: flat.name }, shape);
});

const matMul = one((call, draft) => {
  const flags = ['transpose_a', 'transpose_b', 'adj_x', 'adj_y'];
  if (flags.some((name) => Boolean(attributeOf(call, name)))) throw strange(call);
  const kernel = constantAt(call, 1);
  const stored = draft.store(kernel, 'matrix');
  const input = valueAt(call, 0);
  return draft.add({ kind: 'linear', input, kernel: stored }, shapeOf(call), layerOf(kernel.name));
});

const overAxes =
  (kind: 'mean' | 'largest', axes: (rank: number) => string): Rule =>
  (call, draft) => {
    const input = valueAt(call, 0);
    const { shape } = draft.operationOf(input);
    if (numbersAt(call, 1).join() !== axes(shape.length)) throw strange(call);
    return [draft.add({ kind, input }, shapeOf(call))];
  };

const concat = one((call, draft) => {
  const last = call.inputs.length - 1;
  if (numbersAt(call, last)[0] !== shapeOf(call).length - 1) throw strange(call);
  const inputs = call.inputs.slice(0, last).map((_, at) => valueAt(call, at));
  return draft.add({ kind: 'concat', inputs }, shapeOf(call));
});

const pack = one((call, draft) => {
  if (attributeOf(call, 'axis') !== 0) throw strange(call);
  const inputs = call.inputs.map((_, at) => valueAt(call, at));
  return draft.add({ kind: 'stack', inputs }, shapeOf(call));
});

const subtract = one((call, draft) => {
  const inputs = [valueAt(call, 0), valueAt(call, 1)] as const;
  return draft.add({ kind: 'subtract', inputs }, shapeOf(call));
});

/** A mean asks for float32 of what is float32. */
const cast = one((call) => {
  if (attributeOf(call, 'SrcT') !== attributeOf(call, 'DstT')) throw strange(call);
  return { is: 'value', name: valueAt(call, 0) };
});

/** By TensorFlow's names. All of them work on a CPU; for GPUs nothing is traced. */
export const RULES: Readonly<Partial<Record<string, Rule>>> = {
  ...MAP_RULES,
  Add: add,
  AddV2: add,
  BatchMatMulV2: matMul,
  Cast: cast,
  ConcatV2: concat,
  MatMul: matMul,
  Max: overAxes('largest', (rank) => String(rank - 1)),
  Mean: overAxes('mean', () => '1,2'),
  Mul: multiply,
  Pack: pack,
  Relu: one((call, draft) => {
    return draft.add({ kind: 'relu', input: valueAt(call, 0) }, shapeOf(call));
  }),
  Reshape: reshape,
  SplitV: split,
  Sub: subtract,
  Transpose: transpose,
  Unpack: unpack,
};
