/** Files of ONNX (onnx.ai): a graph of operations of version 17, its constants inside. */
import { encodeMessage, mapFields, packed, rawBytes, type Message } from './protobuf.ts';

/** A number, a list of integers or text. */
export type OnnxAttribute = number | readonly number[];

export type OnnxNode = {
  readonly name: string;
  /** `Conv`, `Relu` … */
  readonly operation: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
};

export type OnnxTensor = {
  readonly shape: readonly number[];
  readonly values: Float32Array | BigInt64Array;
};

/** What goes in or comes out: float32; a size of text is one that is not known, by its name. */
export type OnnxValue = { readonly name: string; readonly shape: readonly (number | string)[] };

export type OnnxModel = {
  readonly name: string;
  readonly documentation: string;
  readonly nodes: readonly OnnxNode[];
  readonly constants: ReadonlyMap<string, OnnxTensor>;
  readonly input: OnnxValue;
  readonly output: OnnxValue;
  readonly metadata: Readonly<Record<string, string>>;
};

/** Versions of the file and of the operations: those of ONNX 1.12, 2022, which every runtime reads. */
const IR_VERSION = 8;
const OPERATIONS_VERSION = 17;
const FLOAT = 1;
const INT64 = 7;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;

function attribute(name: string, value: OnnxAttribute): Message {
  if (typeof value === 'number') {
    return [
      [1, name],
      [3, value],
      [20, ATTRIBUTE_INT],
    ];
  }
  return [
    [1, name],
    [8, packed(value)],
    [20, ATTRIBUTE_INTS],
  ];
}

function node({ name, operation, inputs, outputs, attributes = {} }: OnnxNode): Message {
  return [
    ...inputs.map((input) => [1, input] as const),
    ...outputs.map((output) => [2, output] as const),
    [3, name],
    [4, operation],
    ...Object.entries(attributes).map(([key, value]) => [5, attribute(key, value)] as const),
  ];
}

function tensor(name: string, { shape, values }: OnnxTensor): Message {
  return [
    [1, packed(shape)],
    [2, values instanceof Float32Array ? FLOAT : INT64],
    [8, name],
    [9, rawBytes(values)],
  ];
}

function value({ name, shape }: OnnxValue): Message {
  const sizes = shape.map((size) => {
    const dimension: Message = [typeof size === 'number' ? [1, size] : [2, size]];
    return [1, dimension] as const;
  });
  const type: Message = [
    [1, FLOAT],
    [2, sizes],
  ];
  return [
    [1, name],
    [2, [[1, type]]],
  ];
}

/** Bytes of a `.onnx` file. */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const graph: Message = [
    ...model.nodes.map((of) => [1, node(of)] as const),
    [2, model.name],
    ...[...model.constants].map(([name, of]) => [5, tensor(name, of)] as const),
    [11, value(model.input)],
    [12, value(model.output)],
  ];
  return encodeMessage([
    [1, IR_VERSION],
    [2, 'kdexplainer'],
    [6, model.documentation],
    [7, graph],
    [8, [[2, OPERATIONS_VERSION]]],
    ...mapFields(14, model.metadata),
  ]);
}
