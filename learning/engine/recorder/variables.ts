import type { tf } from '../backend.ts';
import type { GraphBuilder } from './graph.ts';
import { tensorShape } from './messages.ts';
import { handleOf } from './native.ts';

/** A variable's nodes in a graph: inputs and outputs of them as `node:output`. */
export type VariableNodes = {
  /** The variable itself, for operations that assign it. */
  readonly handle: string;
  /** The node that reads it, once in a step, before it is assigned. */
  readonly read: string;
  /** Its value, to fetch. */
  readonly value: string;
  /** What is fed to set it … */
  readonly next: string;
  /** … and what is fetched to have it set. */
  readonly set: string;
};

/** Adds a variable to a graph, with what it takes to set it from the host and to get it there. */
export function addVariable(graph: GraphBuilder, variable: tf.Variable): VariableNodes {
  const { shape, dtype } = handleOf(variable);
  const typed = { dtype: { type: dtype } };
  const shaped = { ...typed, shape: { shape: tensorShape(shape) } };
  const shared = { s: new TextEncoder().encode(`variable${graph.nodes.length}`) };
  const handle = `${graph.node('VarHandleOp', [], { ...shaped, shared_name: shared })}:0`;
  const read = graph.node('ReadVariableOp', [handle], typed);
  const next = `${graph.node('Placeholder', [], shaped)}:0`;
  const assign = graph.node('AssignVariableOp', [handle, next], typed);
  const set = `${graph.node('Identity', [next, `^${assign}`], { T: { type: dtype } })}:0`;
  return { handle, read, value: `${read}:0`, next, set };
}
