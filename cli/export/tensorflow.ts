/** A network as operations that TensorFlow and tfjs have, in their layout: images and maps are NHWC. */
import type { GraphNode, TensorflowGraph } from '../../formats/tensorflow-graph.ts';
import { KdxError } from '../../leg/errors.ts';
import type {
  Description,
  Kind,
  Operation,
  OperationOf,
} from '../../learning/export/description.ts';
import { convolution, strides } from './tensorflow-convolutions.ts';
import {
  constantOf,
  FLOAT,
  joined,
  NHWC,
  pad,
  part,
  reduced,
  reshape,
  transpose,
  type Graph,
} from './tensorflow-nodes.ts';

/** Writes one operation; its last node has its name. */
type Writers = {
  readonly [K in Kind]: (operation: OperationOf<K>, graph: Graph) => void;
};

function pool(
  graph: Graph,
  operation: OperationOf<'maxPool' | 'averagePool'>,
  [name, input]: readonly ['MaxPool' | 'AvgPool', string],
): void {
  const { size, stride } = operation.window;
  const ksize = { integers: [1, size, size, 1] };
  const attributes = { ...FLOAT, ...NHWC, ...strides(stride), ksize, padding: { text: 'VALID' } };
  graph.node(operation.name, name, [input], attributes);
}

function rankOf({ description }: Graph, name: string): number {
  return description.operations.find((operation) => operation.name === name)?.shape.length ?? 0;
}

const WRITERS: Writers = {
  images: ({ name, shape }, graph) => {
    graph.node(name, 'Placeholder', [], { dtype: { type: 'float32' }, shape: { shape } });
  },
  convolution,
  scale: ({ name, input, factor, offset }, graph) => {
    const scaled = offset === undefined ? name : `${name}/scaled`;
    if (factor !== undefined) graph.node(scaled, 'Mul', [input, constantOf(graph, factor)], FLOAT);
    if (offset === undefined) return;
    const before = factor === undefined ? input : scaled;
    graph.node(name, 'AddV2', [before, constantOf(graph, offset)], FLOAT);
  },
  relu: ({ name, input }, graph) => graph.node(name, 'Relu', [input], FLOAT),
  add: ({ name, inputs }, graph) => graph.node(name, 'AddV2', inputs, FLOAT),
  subtract: ({ name, inputs }, graph) => graph.node(name, 'Sub', inputs, FLOAT),
  concat: ({ name, inputs, shape }, graph) => joined(graph, name, inputs, shape.length),
  slice: ({ name, input, from, count, shape }, graph) =>
    part(graph, name, { name: input, rank: shape.length }, [from, count]),
  shuffle: ({ name, input, groups, shape }, graph) => {
    const channels = shape.at(-1) ?? groups;
    const apart = reshape(graph, `${name}/apart`, input, [-1, groups, channels / groups]);
    const crossed = transpose(graph, `${name}/crossed`, apart, [0, 2, 1]);
    reshape(graph, name, crossed, shape);
  },
  maxPool: (operation, graph) => pool(graph, operation, ['MaxPool', operation.input]),
  averagePool: (operation, graph) => {
    const x = pad(graph, operation.name, operation.input, operation.window.padding);
    pool(graph, operation, ['AvgPool', x]);
  },
  mean: ({ name, input }, graph) => reduced(graph, name, 'Mean', [input, 1, 2]),
  linear: ({ name, input, kernel, bias, shape }, graph) => {
    const product = bias === undefined ? name : `${name}/product`;
    const inputs = [input, constantOf(graph, kernel)];
    if (shape.length === 2) {
      const plain = { transpose_a: { flag: false }, transpose_b: { flag: false } };
      graph.node(product, 'MatMul', inputs, { ...FLOAT, ...plain });
    } else {
      const plain = { adj_x: { flag: false }, adj_y: { flag: false } };
      graph.node(product, 'BatchMatMulV2', inputs, { ...FLOAT, ...plain });
    }
    if (bias !== undefined) graph.node(name, 'AddV2', [product, constantOf(graph, bias)], FLOAT);
  },
  flatten: ({ name, input, shape }, graph) => {
    const planes = transpose(graph, `${name}/planes`, input, [0, 3, 1, 2]);
    reshape(graph, name, planes, shape);
  },
  reshape: ({ name, input, shape }, graph) => reshape(graph, name, input, shape),
  stack: ({ name, inputs }, graph) => {
    const attributes = { ...FLOAT, N: { integer: inputs.length }, axis: { integer: 0 } };
    graph.node(name, 'Pack', inputs, attributes);
  },
  largest: ({ name, input }, graph) => {
    reduced(graph, name, 'Max', [input, rankOf(graph, input) - 1]);
  },
  transpose: ({ name, input }, graph) => transpose(graph, name, input, [1, 0]),
};

/** The graph of a network: `images` in, normalised; `logits` out. */
export function tensorflowGraph(
  description: Description,
  metadata: TensorflowGraph['metadata'],
): TensorflowGraph {
  const nodes = new Map<string, GraphNode>();
  const graph: Graph = {
    description,
    node: (name, operation, inputs, attributes = {}) => {
      nodes.set(name, { name, operation, inputs, attributes });
      return name;
    },
    constant: (name, tensor) => {
      const type = tensor.values instanceof Float32Array ? 'float32' : 'int32';
      const attributes = { dtype: { type }, value: { tensor } } as const;
      return graph.node(name, 'Const', [], attributes);
    },
  };
  for (const operation of description.operations) {
    // `Writers` pairs a kind with its writer; TypeScript cannot follow the pair through a variable.
    (WRITERS[operation.kind] as (of: Operation, graph: Graph) => void)(operation, graph);
  }
  const last = description.operations.at(-1);
  const [first] = description.operations;
  if (first === undefined || last === undefined) {
    throw new KdxError('CodeBug', 'A network without operations.');
  }
  graph.node('logits', 'Identity', [last.name], FLOAT);
  return {
    nodes: [...nodes.values()],
    input: { node: first.name, shape: first.shape },
    output: { node: 'logits', shape: last.shape },
    metadata,
  };
}
