/** A network as operations of ONNX, in its layout: images and maps are NCHW, kernels OIHW. */
import type { OnnxModel, OnnxNode, OnnxTensor } from '../../formats/onnx.ts';
import { KdxError } from '../../leg/errors.ts';
import { toPublished } from '../../learning/exchange/layout.ts';
import type {
  Description,
  Kind,
  Operation,
  OperationOf,
} from '../../learning/export/description.ts';

type Graph = {
  readonly node: (
    output: string,
    operation: string,
    inputs: readonly string[],
    attributes?: OnnxNode['attributes'],
  ) => string;
  /** A constant of the network as it is here, and its name. */
  readonly stored: (name: string, change?: (tensor: OnnxTensor) => OnnxTensor) => string;
  /** Sizes and axes. */
  readonly integers: (name: string, values: readonly number[]) => string;
  readonly rankOf: (name: string) => number;
};

type Writers = {
  readonly [K in Kind]: (operation: OperationOf<K>, graph: Graph) => void;
};

const MAP = 4;

/** A shape here as it is there. */
function there(shape: readonly number[]): readonly number[] {
  if (shape.length !== MAP) return shape;
  const [batch = -1, height = 1, width = 1, channels = 1] = shape;
  return [batch, channels, height, width];
}

/** The axis there of the last one here. */
function lastAxis(rank: number): number {
  return rank === MAP ? 1 : rank - 1;
}

/** One number a channel, over maps. */
function byChannel(rank: number): (tensor: OnnxTensor) => OnnxTensor {
  return ({ shape, values }) => ({ shape: rank === MAP ? [...shape, 1, 1] : shape, values });
}

function published({ shape, values }: OnnxTensor): OnnxTensor {
  return toPublished({ shape, values: values as Float32Array });
}

function reshape(graph: Graph, name: string, input: string, shape: readonly number[]): string {
  return graph.node(name, 'Reshape', [input, graph.integers(`${name}/shape`, shape)]);
}

function pads({ padding }: { readonly padding: number }): readonly number[] {
  return [padding, padding, padding, padding];
}

const WRITERS: Writers = {
  images: () => undefined,
  convolution: ({ name, input, kernel, bias, stride, groups, padding }, graph) => {
    const constants = [
      graph.stored(kernel, published),
      ...(bias === undefined ? [] : [graph.stored(bias)]),
    ];
    graph.node(name, 'Conv', [input, ...constants], {
      ...{ strides: [stride, stride], pads: pads({ padding }), group: groups },
    });
  },
  scale: ({ name, input, factor, offset, shape }, graph) => {
    const constant = (of: string): string => graph.stored(of, byChannel(shape.length));
    const scaled = offset === undefined ? name : `${name}/scaled`;
    if (factor !== undefined) graph.node(scaled, 'Mul', [input, constant(factor)]);
    if (offset === undefined) return;
    graph.node(name, 'Add', [factor === undefined ? input : scaled, constant(offset)]);
  },
  relu: ({ name, input }, graph) => graph.node(name, 'Relu', [input]),
  add: ({ name, inputs }, graph) => graph.node(name, 'Add', inputs),
  subtract: ({ name, inputs }, graph) => graph.node(name, 'Sub', inputs),
  concat: ({ name, inputs, shape }, graph) =>
    graph.node(name, 'Concat', inputs, { axis: lastAxis(shape.length) }),
  slice: ({ name, input, from, count, shape }, graph) => {
    const ends = [
      graph.integers(`${name}/from`, [from]),
      graph.integers(`${name}/to`, [from + count]),
      graph.integers(`${name}/axis`, [lastAxis(shape.length)]),
    ];
    graph.node(name, 'Slice', [input, ...ends]);
  },
  shuffle: ({ name, input, groups, shape }, graph) => {
    const [, channels = 1, height = 1, width = 1] = there(shape);
    const sizes = [-1, groups, channels / groups, height * width];
    const apart = reshape(graph, `${name}/apart`, input, sizes);
    const crossed = graph.node(`${name}/crossed`, 'Transpose', [apart], { perm: [0, 2, 1, 3] });
    reshape(graph, name, crossed, there(shape));
  },
  maxPool: ({ name, input, window: { size, stride, padding } }, graph) =>
    graph.node(name, 'MaxPool', [input], {
      ...{ kernel_shape: [size, size], strides: [stride, stride], pads: pads({ padding }) },
    }),
  averagePool: ({ name, input, window: { size, stride, padding } }, graph) =>
    graph.node(name, 'AveragePool', [input], {
      ...{ kernel_shape: [size, size], strides: [stride, stride], pads: pads({ padding }) },
      count_include_pad: 1,
    }),
  mean: ({ name, input }, graph) =>
    graph.node(name, 'ReduceMean', [input], { axes: [2, 3], keepdims: 0 }),
  linear: ({ name, input, kernel, bias }, graph) => {
    const product = bias === undefined ? name : `${name}/product`;
    graph.node(product, 'MatMul', [input, graph.stored(kernel)]);
    if (bias !== undefined) graph.node(name, 'Add', [product, graph.stored(bias)]);
  },
  flatten: ({ name, input }, graph) => graph.node(name, 'Flatten', [input], { axis: 1 }),
  reshape: ({ name, input, shape }, graph) => reshape(graph, name, input, shape),
  stack: ({ name, inputs }, graph) => {
    const axis = graph.integers(`${name}/axis`, [0]);
    const apart = inputs.map((input, at) =>
      graph.node(`${name}/input${at + 1}`, 'Unsqueeze', [input, axis]),
    );
    graph.node(name, 'Concat', apart, { axis: 0 });
  },
  largest: ({ name, input }, graph) =>
    graph.node(name, 'ReduceMax', [input], { axes: [graph.rankOf(input) - 1], keepdims: 0 }),
  transpose: ({ name, input }, graph) => graph.node(name, 'Transpose', [input], { perm: [1, 0] }),
};

function startGraph({ operations, constants }: Description) {
  const nodes: OnnxNode[] = [];
  const tensors = new Map<string, OnnxTensor>();
  const graph: Graph = {
    node: (output, operation, inputs, attributes) => {
      const rest = attributes === undefined ? {} : { attributes };
      nodes.push({ name: output, operation, inputs, outputs: [output], ...rest });
      return output;
    },
    stored: (name, change = (tensor) => tensor) => {
      const tensor = constants.get(name);
      if (tensor === undefined) throw new KdxError('CodeBug', `There is no constant ${name}.`);
      tensors.set(name, change(tensor));
      return name;
    },
    integers: (name, values) => {
      const stored = BigInt64Array.from(values.map(BigInt));
      tensors.set(name, { shape: [values.length], values: stored });
      return name;
    },
    rankOf: (name) => operations.find((of) => of.name === name)?.shape.length ?? 0,
  };
  return { graph, nodes, tensors };
}

/** The model of a network: `images` [batch, 3, S, S] in, normalised; `logits` [batch, classes] out. */
export function onnxModel(
  description: Description,
  about: Pick<OnnxModel, 'name' | 'documentation' | 'metadata'>,
): OnnxModel {
  const { graph, nodes, tensors } = startGraph(description);
  for (const operation of description.operations) {
    // `Writers` pairs a kind with its writer; TypeScript cannot follow the pair through a variable.
    (WRITERS[operation.kind] as (of: Operation, graph: Graph) => void)(operation, graph);
  }
  const { imageSize, classes, operations } = description;
  graph.node('logits', 'Identity', [operations.at(-1)?.name ?? '']);
  return {
    ...about,
    ...{ nodes, constants: tensors },
    input: { name: 'images', shape: ['batch', 3, imageSize, imageSize] },
    output: { name: 'logits', shape: ['batch', classes] },
  };
}
