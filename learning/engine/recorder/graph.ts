import { KdxError } from '../../../leg/errors.ts';
import type { AttrValue, NodeDef } from './messages.ts';
import { tensorShape } from './messages.ts';
import type { HostValues, Shape } from './native.ts';
import { native } from './native.ts';

/** Equal constants of up to so many values are one node; uniform ones of more are a Fill. */
const SMALL = 64;

/** A tensor of the graph: `node:output`, and its type as TensorFlow numbers it. */
export type GraphTensor = { readonly name: string; readonly dtype: number };

export type Constant = {
  readonly shape: Shape;
  readonly dtype: number;
  readonly values: HostValues;
};

/** The nodes of a graph as they come. */
export type GraphBuilder = {
  readonly nodes: readonly NodeDef[];
  /** Adds a node and returns its name. */
  node(op: string, input: readonly string[], attr: Readonly<Record<string, AttrValue>>): string;
  constant(constant: Constant): GraphTensor;
};

/** A constant's values as TensorFlow lays them out in memory. */
function packed({ dtype, values }: Constant): Float32Array | Int32Array | Uint8Array {
  const { binding } = native();
  const numbers = values as unknown as ArrayLike<number>;
  switch (dtype) {
    case binding.TF_FLOAT:
      return values instanceof Float32Array ? values : Float32Array.from(numbers);
    case binding.TF_INT32:
    case binding.TF_INT64: // tfjs gives the halves of each number as two int32
      return values instanceof Int32Array ? values : Int32Array.from(numbers);
    case binding.TF_BOOL:
    case binding.TF_UINT8:
      return values instanceof Uint8Array ? values : Uint8Array.from(numbers);
    default:
      throw new KdxError(
        'CodeBug',
        `A graph cannot hold a constant of TensorFlow's type ${dtype}.`,
      );
  }
}

/** Whether a constant has one value only. */
export function isUniform({ values }: Constant): boolean {
  const numbers = values as unknown as Float32Array;
  return numbers.every((value) => Object.is(value, numbers[0]));
}

export function createGraph(): GraphBuilder {
  const nodes: NodeDef[] = [];
  const shared = new Map<string, GraphTensor>();

  const node: GraphBuilder['node'] = (op, input, attr) => {
    const name = `${op}${nodes.length}`;
    nodes.push({ name, op, input, attr });
    return name;
  };
  const fill = (constant: Constant, one: HostValues): GraphTensor => {
    const { shape, dtype } = constant;
    const int32 = native().binding.TF_INT32;
    const rank = { shape: [shape.length], dtype: int32, values: Int32Array.from(shape) };
    const inputs = [graph.constant(rank), graph.constant({ shape: [], dtype, values: one })];
    const attr = { T: { type: dtype }, index_type: { type: int32 } };
    return {
      name: `${node(
        'Fill',
        inputs.map(({ name }) => name),
        attr,
      )}:0`,
      dtype,
    };
  };
  const stored = (constant: Constant, data: ArrayBufferView): GraphTensor => {
    const { shape, dtype } = constant;
    const tensorContent = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
    const tensor = { dtype, tensorShape: tensorShape(shape), tensorContent };
    return { name: `${node('Const', [], { dtype: { type: dtype }, value: { tensor } })}:0`, dtype };
  };

  const graph: GraphBuilder = {
    nodes,
    node,
    constant: (constant) => {
      const { shape, dtype } = constant;
      const data = packed(constant);
      if (data.length > SMALL) {
        return isUniform(constant) ? fill(constant, data.slice(0, 1)) : stored(constant, data);
      }
      const key = `${dtype}|${shape.join()}|${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')}`;
      const known = shared.get(key) ?? stored(constant, data);
      shared.set(key, known);
      return known;
    },
  };
  return graph;
}
