/**
 * Graphs of TensorFlow for inference, as two programs read them: a SavedModel of TensorFlow
 * (`saved_model.pb`), and a graph model of tfjs (`model.json` and a file of weights).
 */
import { encodeMessage, mapFields, packed, rawBytes, type Message } from './protobuf.ts';

export type GraphValues = {
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
};

/** An attribute of a node: a type, a flag, integers, text. */
export type GraphAttribute =
  | { readonly type: 'float32' | 'int32' }
  | { readonly flag: boolean }
  | { readonly integer: number }
  | { readonly integers: readonly number[] }
  | { readonly text: string }
  /** −1 is a size that is not known. */
  | { readonly shape: readonly number[] }
  | { readonly tensor: GraphValues };

export type GraphNode = {
  readonly name: string;
  readonly operation: string;
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, GraphAttribute>>;
};

/** A node that is given to the graph or read from it. */
export type GraphEnd = { readonly node: string; readonly shape: readonly number[] };

export type TensorflowGraph = {
  readonly nodes: readonly GraphNode[];
  readonly input: GraphEnd;
  readonly output: GraphEnd;
  readonly metadata: Readonly<Record<string, unknown>>;
};

/** TensorFlow's numbers and names of types. */
const TYPES = {
  float32: { number: 1, name: 'DT_FLOAT' },
  int32: { number: 3, name: 'DT_INT32' },
} as const;
/** Version of the graph format, and the oldest reader: any TensorFlow 2. */
const VERSIONS = { producer: 1087, minConsumer: 12 };
const METHOD = 'tensorflow/serving/predict';

function typeOf({ values }: GraphValues): 'float32' | 'int32' {
  return values instanceof Float32Array ? 'float32' : 'int32';
}

function shapeMessage(shape: readonly number[]): Message {
  return shape.map((size) => [2, [[1, size]]] as const);
}

function attributeMessage(attribute: GraphAttribute): Message {
  if ('type' in attribute) return [[6, TYPES[attribute.type].number]];
  if ('flag' in attribute) return [[5, Number(attribute.flag)]];
  if ('integer' in attribute) return [[3, attribute.integer]];
  if ('integers' in attribute) return [[1, [[3, packed(attribute.integers)]]]];
  if ('text' in attribute) return [[2, attribute.text]];
  if ('shape' in attribute) return [[7, shapeMessage(attribute.shape)]];
  const { tensor } = attribute;
  const message: Message = [
    [1, TYPES[typeOf(tensor)].number],
    [2, shapeMessage(tensor.shape)],
    [4, rawBytes(tensor.values)],
  ];
  return [[8, message]];
}

function nodeMessage({ name, operation, inputs, attributes }: GraphNode): Message {
  const entries = Object.entries(attributes).map(
    ([key, value]) => [key, attributeMessage(value)] as const,
  );
  return [
    [1, name],
    [2, operation],
    ...inputs.map((input) => [3, input] as const),
    ...mapFields(5, Object.fromEntries(entries)),
  ];
}

function endMessage({ node, shape }: GraphEnd): Message {
  return [
    [1, `${node}:0`],
    [2, TYPES.float32.number],
    [3, shapeMessage(shape)],
  ];
}

/** Bytes of `saved_model.pb`, its constants inside: no other file belongs to it. */
export function encodeSavedModel({ nodes, input, output }: TensorflowGraph): Uint8Array {
  const versions: Message = [
    [1, VERSIONS.producer],
    [2, VERSIONS.minConsumer],
  ];
  const graph: Message = [...nodes.map((of) => [1, nodeMessage(of)] as const), [4, versions]];
  const signature: Message = [
    ...mapFields(1, { [input.node]: endMessage(input) }),
    ...mapFields(2, { [output.node]: endMessage(output) }),
    [3, METHOD],
  ];
  const meta: Message = [
    [1, [[4, 'serve']]],
    [2, graph],
    ...mapFields(5, { serving_default: signature }),
  ];
  return encodeMessage([
    [1, 1],
    [2, meta],
  ]);
}

type Json = Readonly<Record<string, unknown>>;

function shapeJson(shape: readonly number[]): Json {
  return { dim: shape.map((size) => ({ size: String(size) })) };
}

function attributeJson(attribute: GraphAttribute): Json {
  if ('type' in attribute) return { type: TYPES[attribute.type].name };
  if ('flag' in attribute) return { b: attribute.flag };
  if ('integer' in attribute) return { i: String(attribute.integer) };
  if ('integers' in attribute) return { list: { i: attribute.integers.map(String) } };
  if ('text' in attribute) return { s: Buffer.from(attribute.text).toString('base64') };
  if ('shape' in attribute) return { shape: shapeJson(attribute.shape) };
  const { tensor } = attribute;
  return { tensor: { dtype: TYPES[typeOf(tensor)].name, tensorShape: shapeJson(tensor.shape) } };
}

function nodeJson({ name, operation, inputs, attributes }: GraphNode): Json {
  const entries = Object.entries(attributes).map(([key, of]) => [key, attributeJson(of)] as const);
  return { name, op: operation, input: inputs, attr: Object.fromEntries(entries) };
}

function endJson({ node, shape }: GraphEnd): Json {
  return {
    [node]: { name: `${node}:0`, dtype: TYPES.float32.name, tensorShape: shapeJson(shape) },
  };
}

/**
 * A graph model of tfjs: what is in `model.json`, and the bytes of the weights beside it.
 *
 * @param weightsFile name of the file of weights, from the folder of `model.json`
 */
export function encodeGraphModel(
  { nodes, input, output, metadata }: TensorflowGraph,
  weightsFile: string,
): { readonly model: Json; readonly weights: Uint8Array } {
  const tensors = nodes.flatMap(({ name, attributes: { value } }) =>
    value !== undefined && 'tensor' in value ? [{ name, tensor: value.tensor }] : [],
  );
  const entries = tensors.map(({ name, tensor }) => {
    return { name, shape: tensor.shape, dtype: typeOf(tensor) };
  });
  return {
    model: {
      format: 'graph-model',
      generatedBy: 'kdexplainer',
      convertedBy: null,
      signature: { inputs: endJson(input), outputs: endJson(output) },
      userDefinedMetadata: metadata,
      modelTopology: { node: nodes.map(nodeJson), versions: VERSIONS },
      weightsManifest: [{ paths: [weightsFile], weights: entries }],
    },
    weights: Buffer.concat(tensors.map(({ tensor }) => rawBytes(tensor.values))),
  };
}
