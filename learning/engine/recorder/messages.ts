/** TensorFlow's protocol messages, as its own `.proto` file (shipped with tfjs-node) says them. */
import { createRequire } from 'node:module';

import protobuf from 'protobufjs';

import type { Shape } from './native.ts';

export type Tensor = {
  readonly dtype: number;
  readonly tensorShape: TensorShape;
  readonly tensorContent: Uint8Array;
};

export type TensorShape = { readonly dim: readonly { readonly size: number }[] };

export type ListValue = {
  readonly i?: readonly number[];
  readonly f?: readonly number[];
  readonly b?: readonly boolean[];
};

/** Value of one attribute of a node: exactly one field. */
export type AttrValue =
  | { readonly type: number }
  | { readonly shape: TensorShape }
  | { readonly tensor: Tensor }
  | { readonly s: Uint8Array }
  | { readonly i: number }
  | { readonly f: number }
  | { readonly b: boolean }
  | { readonly list: ListValue };

export type NodeDef = {
  readonly name: string;
  readonly op: string;
  /** `node:output` for a tensor, `^node` for an edge that only says what comes first. */
  readonly input: readonly string[];
  readonly attr: Readonly<Record<string, AttrValue>>;
};

/** Version of the graph format: TensorFlow reads a graph by the rules of its producer. */
const VERSIONS = { producer: 1087, minConsumer: 12 };
/** The tag under which the graph is found in its SavedModel. */
export const TAG = 'serve';

const PROTO = '@tensorflow/tfjs-node/src/proto/api.proto';
const schema = protobuf.loadSync(createRequire(import.meta.url).resolve(PROTO));
const savedModel = schema.lookupType('tensorflow.SavedModel');

export function tensorShape(shape: Shape): TensorShape {
  return { dim: shape.map((size) => ({ size })) };
}

/** Bytes of `saved_model.pb`: one graph, no assets, no variables (they are set after loading). */
export function encodeSavedModel(nodes: readonly NodeDef[]): Uint8Array {
  const graph = { metaInfoDef: { tags: [TAG] }, graphDef: { node: nodes, versions: VERSIONS } };
  return savedModel.encode({ savedModelSchemaVersion: 1, metaGraphs: [graph] }).finish();
}
