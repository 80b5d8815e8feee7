/** Convolutions as TensorFlow and tfjs have them. */
import type { OperationOf } from '../../learning/export/description.ts';
import {
  constantOf,
  FLOAT,
  joined,
  NHWC,
  pad,
  part,
  tensorOf,
  type Graph,
} from './tensorflow-nodes.ts';

export function strides(stride: number) {
  return { strides: { integers: [1, stride, stride, 1] } } as const;
}

/** Symmetric padding, whatever the stride: SAME where that is what it means, else zeros in front. */
export function convolution(operation: OperationOf<'convolution'>, graph: Graph): void {
  const { name, bias, groups, shape } = operation;
  const product = bias === undefined ? name : `${name}/product`;
  const kernel = tensorOf(graph.description, operation.kernel);
  const [, , inputs = 1] = kernel.shape;
  if (groups === 1) single(operation, graph, product);
  else if (inputs === 1 && shape.at(-1) === groups) depthwise(operation, graph, product);
  else grouped(operation, graph, product);
  if (bias !== undefined) {
    graph.node(name, 'BiasAdd', [product, constantOf(graph, bias)], { ...FLOAT, ...NHWC });
  }
}

function windowAttributes({ stride }: { readonly stride: number }, padding: 'SAME' | 'VALID') {
  const dilations = { dilations: { integers: [1, 1, 1, 1] } } as const;
  return {
    ...FLOAT,
    ...NHWC,
    ...strides(stride),
    ...dilations,
    padding: { text: padding },
  } as const;
}

function single(operation: OperationOf<'convolution'>, graph: Graph, product: string): void {
  const { name, input, kernel, stride, padding } = operation;
  const isSame = stride === 1 && padding > 0;
  const x = isSame ? input : pad(graph, name, input, padding);
  const attributes = windowAttributes(operation, isSame ? 'SAME' : 'VALID');
  graph.node(product, 'Conv2D', [x, constantOf(graph, kernel)], attributes);
}

function depthwise(operation: OperationOf<'convolution'>, graph: Graph, product: string): void {
  const { name, input, kernel: stored, padding } = operation;
  const { shape, values } = tensorOf(graph.description, stored);
  const [height = 1, width = 1, , channels = 1] = shape;
  // TensorFlow wants [k, k, channels, 1], which lies in memory alike.
  const kernel = graph.constant(stored, { shape: [height, width, channels, 1], values });
  const x = pad(graph, name, input, padding);
  graph.node(product, 'DepthwiseConv2dNative', [x, kernel], windowAttributes(operation, 'VALID'));
}

/** Group by group: tfjs has no convolution in groups. */
function grouped(operation: OperationOf<'convolution'>, graph: Graph, product: string): void {
  const { name, input, kernel: stored, groups, padding, shape } = operation;
  const { shape: whole, values } = tensorOf(graph.description, stored);
  const [height = 1, width = 1, inputs = 1, outputs = 1] = whole;
  const each = outputs / groups;
  const x = pad(graph, name, input, padding);
  const results = Array.from({ length: groups }, (_, group) => {
    const of = `${name}/group${group + 1}`;
    const map = { name: x, rank: shape.length };
    const channels = part(graph, `${of}/input`, map, [group * inputs, inputs]);
    const own = values.filter((_, at) => Math.floor((at % outputs) / each) === group);
    const kernel = { shape: [height, width, inputs, each], values: own };
    const inputsOf = [channels, graph.constant(`${of}/kernel`, kernel)];
    return graph.node(of, 'Conv2D', inputsOf, windowAttributes(operation, 'VALID'));
  });
  joined(graph, product, results, shape.length);
}
