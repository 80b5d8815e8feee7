/** Nodes of TensorFlow that several operations are written with. */
import type { GraphAttribute, GraphValues } from '../../formats/tensorflow-graph.ts';
import { KdxError } from '../../leg/errors.ts';
import type { Description } from '../../learning/export/description.ts';

/** The nodes of a graph under way. */
export type Graph = {
  readonly node: (
    name: string,
    operation: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, GraphAttribute>>,
  ) => string;
  readonly constant: (name: string, value: GraphValues) => string;
  readonly description: Description;
};

export const FLOAT = { T: { type: 'float32' } } as const;
export const NHWC = { data_format: { text: 'NHWC' } } as const;

function integers(values: readonly number[]): GraphValues {
  return { shape: [values.length], values: Int32Array.from(values) };
}

/** Sizes of a reshaped tensor; the batch is what remains. */
export function reshape(
  graph: Graph,
  name: string,
  input: string,
  shape: readonly number[],
): string {
  const sizes = graph.constant(`${name}/shape`, integers(shape));
  return graph.node(name, 'Reshape', [input, sizes], { ...FLOAT, Tshape: { type: 'int32' } });
}

export function transpose(
  graph: Graph,
  name: string,
  input: string,
  axes: readonly number[],
): string {
  const order = graph.constant(`${name}/permutation`, integers(axes));
  return graph.node(name, 'Transpose', [input, order], { ...FLOAT, Tperm: { type: 'int32' } });
}

export function pad(graph: Graph, name: string, input: string, padding: number): string {
  if (padding === 0) return input;
  const values = Int32Array.of(0, 0, padding, padding, padding, padding, 0, 0);
  const paddings = graph.constant(`${name}/paddings`, { shape: [4, 2], values });
  const types = { ...FLOAT, Tpaddings: { type: 'int32' } } as const;
  return graph.node(`${name}/padded`, 'Pad', [input, paddings], types);
}

/** Part of the last axis. */
export function part(
  graph: Graph,
  name: string,
  input: { readonly name: string; readonly rank: number },
  [from, count]: readonly [number, number],
): string {
  const begin = Array.from({ length: input.rank }, (_, axis) =>
    axis + 1 === input.rank ? from : 0,
  );
  const size = begin.map((_, axis) => (axis + 1 === input.rank ? count : -1));
  const ends = [
    graph.constant(`${name}/begin`, integers(begin)),
    graph.constant(`${name}/size`, integers(size)),
  ];
  return graph.node(name, 'Slice', [input.name, ...ends], { ...FLOAT, Index: { type: 'int32' } });
}

export function joined(
  graph: Graph,
  name: string,
  inputs: readonly string[],
  rank: number,
): string {
  const axis = graph.constant(`${name}/axis`, { shape: [], values: Int32Array.of(rank - 1) });
  const attributes = { ...FLOAT, Tidx: { type: 'int32' }, N: { integer: inputs.length } } as const;
  return graph.node(name, 'ConcatV2', [...inputs, axis], attributes);
}

export function reduced(
  graph: Graph,
  name: string,
  operation: 'Mean' | 'Max',
  [input, ...axes]: readonly [string, ...number[]],
): string {
  const over = graph.constant(`${name}/axes`, integers(axes));
  const attributes = { ...FLOAT, Tidx: { type: 'int32' }, keep_dims: { flag: false } } as const;
  return graph.node(name, operation, [input, over], attributes);
}

export function constantOf(graph: Graph, name: string): string {
  return graph.constant(name, tensorOf(graph.description, name));
}

export function tensorOf({ constants }: Description, name: string): GraphValues {
  const tensor = constants.get(name);
  if (tensor !== undefined) return tensor;
  throw new KdxError('CodeBug', `The network has no constant ${name}.`);
}
