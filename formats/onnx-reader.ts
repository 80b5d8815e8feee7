/** What a file of ONNX says of its graph: nodes and the shapes of its constants. Values are not read. */
import { encodeMessage } from './protobuf.ts';
import { integersOf, readMessage, textsOf } from './protobuf-reader.ts';

export type OnnxOutline = {
  readonly nodes: readonly {
    readonly operation: string;
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
  }[];
  /** Shapes of the constants that are numbers with a fraction, by name. */
  readonly constants: ReadonlyMap<string, readonly number[]>;
  /** Whether values lie in other files. */
  readonly isSplit: boolean;
};

/** ONNX's numbers of types: float32, float16, float64, bfloat16. */
const FRACTIONS = new Set([1, 10, 11, 16]);
const EXTERNAL = 1;
const GRAPH = 7;
const OUTPUT = 12;

/** @param place what messages call the file @throws KdxError DataMismatch where it is no protobuf */
export function readOnnx(bytes: Uint8Array, place: string): OnnxOutline {
  const graphs = readMessage(bytes, place).bytes.get(GRAPH) ?? [];
  const graph = readMessage(Buffer.concat(graphs), place);
  const nodes = (graph.bytes.get(1) ?? []).map((part) => {
    const node = readMessage(part, place);
    const [operation = ''] = textsOf(node, 4);
    return { operation, inputs: textsOf(node, 1), outputs: textsOf(node, 2) };
  });
  const tensors = (graph.bytes.get(5) ?? []).map((part) => readMessage(part, place));
  const constants = tensors.flatMap((tensor) => {
    const [type = 0] = integersOf(tensor, 2, place);
    const [name = ''] = textsOf(tensor, 8);
    return FRACTIONS.has(type) ? [[name, integersOf(tensor, 1, place)] as const] : [];
  });
  const isSplit = tensors.some((tensor) => integersOf(tensor, 14, place).includes(EXTERNAL));
  return { nodes, constants: new Map(constants), isSplit };
}

/**
 * The same file with more of its values as outputs. Messages that stand twice are merged, so that what is
 * added can follow what is there.
 */
export function withOutputs(bytes: Uint8Array, names: readonly string[]): Uint8Array {
  const outputs = names.map((name) => [OUTPUT, [[1, name]]] as const);
  return Buffer.concat([bytes, encodeMessage([[GRAPH, outputs]])]);
}
