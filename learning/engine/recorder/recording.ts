import { KdxError } from '../../../leg/errors.ts';
import type { tf } from '../backend.ts';
import { graphAttributes } from './attributes.ts';
import type { Constant, GraphBuilder, GraphTensor } from './graph.ts';
import { createGraph, isUniform } from './graph.ts';
import type { Execution, Listener } from './interception.ts';
import type { NodeDef } from './messages.ts';
import { tensorShape } from './messages.ts';
import { handleOf } from './native.ts';
import {
  CONSTANT_LIMIT,
  DYNAMIC_SHAPE,
  HOST_RANDOM,
  STATEFUL,
  refusal,
  runningOperations,
} from './refusal.ts';
import type { Tensors } from './rehearsal.ts';
import { registeredVariables } from './rehearsal.ts';

/** A step as a part of a graph. Tensors are named `node:output`. */
export type GraphFunction = {
  /** What people call it, for messages. */
  readonly title: string;
  readonly nodes: readonly NodeDef[];
  readonly feeds: readonly NamedTensor[];
  readonly outputs: readonly NamedTensor[];
  /** Variables that it reads or assigns. */
  readonly variables: ReadonlySet<tf.Variable>;
  readonly assigned: readonly tf.Variable[];
};

export type NamedTensor = { readonly name: string; readonly tensor: string };

export type RecordingOptions = {
  readonly title: string;
  /** Start of all its nodes' names. */
  readonly prefix: string;
  /** Name of a variable's handle in the graph. */
  readonly variableName: (variable: tf.Variable) => string;
};

/** A recording under way: it hears every operation and writes it down as a node. */
export class Recording implements Listener {
  readonly #title: string;
  readonly #graph: GraphBuilder;
  readonly #variableName: (variable: tf.Variable) => string;
  readonly #variables: ReadonlyMap<number, tf.Variable>;
  /** What a handle is called in the graph. */
  readonly #tensors = new Map<number, GraphTensor>();
  /** Constants by handle, until something uses them. */
  readonly #constants = new Map<number, Constant>();
  /** Data that JavaScript made within the step. */
  readonly #own = new WeakSet();
  readonly #reads = new Map<tf.Variable, string>();
  #refused: KdxError | undefined;

  /** @param variables all there are, by the handle each has before the step */
  constructor(
    { title, prefix, variableName }: RecordingOptions,
    variables: ReadonlyMap<number, tf.Variable>,
  ) {
    this.#variables = variables;
    this.#title = title;
    this.#graph = createGraph(prefix);
    this.#variableName = variableName;
  }

  /** Adds the placeholder of a feed. */
  feed(name: string, tensor: tf.Tensor): NamedTensor {
    const { id, shape, dtype } = handleOf(tensor);
    const attr = { dtype: { type: dtype }, shape: { shape: tensorShape(shape) } };
    const node = `${this.#graph.node('Placeholder', [], attr)}:0`;
    this.#tensors.set(id, { name: node, dtype });
    return { name, tensor: node };
  }

  wrote(dataId: object): void {
    this.#own.add(dataId);
    const random = runningOperations().find((name) => HOST_RANDOM.has(name));
    if (random === undefined) return;
    this.#refuse('its random numbers are drawn in JavaScript', 'Draw them from a fed seed.');
  }

  uses(tensor: tf.TensorInfo, { id, values }: { id: number; values: unknown }): void {
    const known = values === null ? this.#isKnown(id) : this.#own.has(tensor.dataId);
    if (known) return;
    const what = `a tensor of shape [${tensor.shape.join(', ')}] comes from outside of it`;
    this.#refuse(what, 'Feed it, or make it a variable.');
  }

  uploaded(id: number, constant: Constant): void {
    const { shape, values } = constant;
    if (values.length > CONSTANT_LIMIT && !isUniform(constant)) {
      const what = `a constant of shape [${shape.join(', ')}] is made in JavaScript`;
      this.#refuse(what, `Feed it: constants have at most ${CONSTANT_LIMIT} values.`);
    }
    this.#constants.set(id, constant);
  }

  runs(name: string): void {
    if (STATEFUL.test(name)) {
      this.#refuse(
        `${name} keeps a random state`,
        'Draw from a fed seed (StatelessRandomUniform).',
      );
    }
    if (DYNAMIC_SHAPE.test(name)) {
      const instead = 'Write it with masks (tf.where with three arguments).';
      this.#refuse(`the shape that ${name} gives depends on values`, instead);
    }
  }

  ran({ operation: op, attributes, inputs, outputs }: Execution): void {
    const tensors = inputs.map((id) => this.#tensor(id));
    const types = tensors.map(({ dtype }) => dtype);
    const names = tensors.map(({ name }) => name);
    const node = this.#graph.node(op, names, graphAttributes(op, attributes, types));
    for (const [index, { id, dtype }] of outputs.entries()) {
      this.#tensors.set(id, { name: `${node}:${index}`, dtype });
    }
  }

  reads(dataId: object, { id, values }: { id: number; values: unknown }): void {
    const constant = values === null ? this.#constants.has(id) : this.#own.has(dataId);
    if (constant) return;
    const what = 'values that change from step to step are read in JavaScript';
    this.#refuse(what, 'Compute with tensors; for a choice, use tf.where.');
  }

  /** Ends the graph: what variables are left with, and what the step gives. */
  finish(feeds: readonly NamedTensor[], outputs: Tensors): GraphFunction {
    const initial = [...this.#variables].filter(([id, variable]) => handleOf(variable).id !== id);
    // All reads come first: one that nobody has asked for yet must still precede the assignment.
    const results = Object.entries(outputs).map(
      ([name, tensor]) => [name, this.#of(tensor)] as const,
    );
    const assignments = initial.map(([, variable]) => [variable, this.#of(variable)] as const);
    const done = assignments.map(([variable, value]) => this.#assign(variable, value));
    const named = results.map(([name, { name: tensor, dtype }]) => {
      const node = this.#graph.node('Identity', [tensor, ...done], { T: { type: dtype } });
      return { name, tensor: `${node}:0` };
    });
    const assigned = assignments.map(([variable]) => variable);
    const variables = new Set([...this.#reads.keys(), ...assigned]);
    const { nodes } = this.#graph;
    return { title: this.#title, nodes, feeds, outputs: named, variables, assigned };
  }

  /** What was refused though the step went on, because it caught the error or did not await it. */
  throwIfRefused(): void {
    if (this.#refused !== undefined) throw this.#refused;
    const known = new Set(this.#variables.values());
    if (registeredVariables().every((variable) => known.has(variable))) return;
    this.#refuse('it creates a variable', 'Create variables before the first step.');
  }

  #assign(variable: tf.Variable, { name, dtype }: GraphTensor): string {
    const read = this.#reads.get(variable);
    const after = read === undefined ? [] : [`^${read}`];
    const inputs = [`${this.#variableName(variable)}:0`, name, ...after];
    return `^${this.#graph.node('AssignVariableOp', inputs, { dtype: { type: dtype } })}`;
  }

  #isKnown(id: number): boolean {
    return this.#tensors.has(id) || this.#variables.has(id) || this.#constants.has(id);
  }

  #of(tensor: tf.TensorInfo): GraphTensor {
    return this.#tensor(handleOf(tensor).id);
  }

  /** The graph's name for a handle; variables are read, and constants written, at their first use. */
  #tensor(id: number): GraphTensor {
    const known = this.#tensors.get(id);
    if (known !== undefined) return known;
    const variable = this.#variables.get(id);
    const constant = this.#constants.get(id);
    if (constant === undefined && variable === undefined) {
      throw new KdxError('CodeBug', `${this.#title}: tensor ${id} has no source.`);
    }
    const tensor = variable ? this.#read(variable) : this.#graph.constant(constant as Constant);
    this.#tensors.set(id, tensor);
    return tensor;
  }

  #read(variable: tf.Variable): GraphTensor {
    const { dtype } = handleOf(variable);
    const handle = `${this.#variableName(variable)}:0`;
    const node = this.#graph.node('ReadVariableOp', [handle], { dtype: { type: dtype } });
    this.#reads.set(variable, node);
    return { name: `${node}:0`, dtype };
  }

  #refuse(what: string, instead: string): never {
    const error = refusal(this.#title, what, instead);
    this.#refused ??= error;
    throw error;
  }
}
