import { KdxError } from '../../../leg/errors.ts';
import type { tf } from '../backend.ts';
import { graphAttributes } from './attributes.ts';
import type { Constant, GraphTensor } from './graph.ts';
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
import type { VariableNodes } from './variables.ts';
import { addVariable } from './variables.ts';

/** A step as a graph. Tensors of the graph are named `node:output`. */
export type RecordedGraph = {
  /** What people call the step, for messages. */
  readonly title: string;
  readonly nodes: readonly NodeDef[];
  readonly feeds: readonly NamedTensor[];
  readonly outputs: readonly NamedTensor[];
  /** Variables that the step reads or assigns. */
  readonly variables: ReadonlyMap<tf.Variable, VariableNodes>;
  readonly assigned: readonly tf.Variable[];
};

export type NamedTensor = { readonly name: string; readonly tensor: string };

/** A recording under way: it receives every operation and stores it as a node. */
export class Recording implements Listener {
  readonly #title: string;
  readonly #graph = createGraph();
  /** All variables there are, by the handle each has before the step. */
  readonly #initial: ReadonlyMap<number, tf.Variable>;
  /** Variables that the step has touched. */
  readonly #variables = new Map<tf.Variable, VariableNodes>();
  /** What a handle is called in the graph. */
  readonly #tensors = new Map<number, GraphTensor>();
  /** Constants by handle, until something uses them. */
  readonly #constants = new Map<number, Constant>();
  /** Data that JavaScript made within the step. */
  readonly #own = new WeakSet();
  #refused: KdxError | undefined;

  constructor(title: string, initial: ReadonlyMap<number, tf.Variable>) {
    this.#title = title;
    this.#initial = initial;
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
    if (!runningOperations().some((name) => HOST_RANDOM.has(name))) return;
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

  ran({ operation, attributes, inputs, outputs }: Execution): void {
    const tensors = inputs.map((id) => this.#tensor(id));
    const types = tensors.map(({ dtype }) => dtype);
    const names = tensors.map(({ name }) => name);
    const node = this.#graph.node(operation, names, graphAttributes(operation, attributes, types));
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

  /** Ends the graph: the last values of variables, and the outputs of the step. */
  finish(feeds: readonly NamedTensor[], outputs: Tensors): RecordedGraph {
    this.#checkEnd();
    const changed = [...this.#initial].filter(([id, variable]) => handleOf(variable).id !== id);
    const assigned = changed.map(([, variable]) => variable);
    const given = Object.entries(outputs).map(([name, tensor]) => {
      return [name, this.#tensor(handleOf(tensor).id)] as const;
    });
    const values = assigned.map((variable) => this.#tensor(handleOf(variable).id));
    // Here all reads are known, so that every one of them can precede the assignments.
    const done = assigned.map((variable, index) => {
      const { handle, read } = this.#touch(variable);
      const { name, dtype } = values[index] as GraphTensor;
      const inputs = [handle, name, `^${read}`];
      return `^${this.#graph.node('AssignVariableOp', inputs, { dtype: { type: dtype } })}`;
    });
    const named = given.map(([name, { name: tensor, dtype }]) => {
      const node = this.#graph.node('Identity', [tensor, ...done], { T: { type: dtype } });
      return { name, tensor: `${node}:0` };
    });
    const { nodes } = this.#graph;
    const variables = this.#variables;
    return { title: this.#title, nodes, feeds, outputs: named, variables, assigned };
  }

  /** Refuses what was refused before, where the step caught the error or did not await it. */
  #checkEnd(): void {
    if (this.#refused !== undefined) throw this.#refused;
    const known = new Set(this.#initial.values());
    if (registeredVariables().every((variable) => known.has(variable))) return;
    this.#refuse('it creates a variable', 'Create variables before the first step.');
  }

  #isKnown(id: number): boolean {
    return this.#tensors.has(id) || this.#initial.has(id) || this.#constants.has(id);
  }

  /** The graph's name for a handle; variables are added, and constants written, at first use. */
  #tensor(id: number): GraphTensor {
    const known = this.#tensors.get(id);
    if (known !== undefined) return known;
    const variable = this.#initial.get(id);
    if (variable !== undefined) {
      const { read } = this.#touch(variable);
      return { name: `${read}:0`, dtype: handleOf(variable).dtype };
    }
    const constant = this.#constants.get(id);
    if (constant === undefined) {
      throw new KdxError('CodeBug', `${this.#title}: tensor ${id} has no source.`);
    }
    const tensor = this.#graph.constant(constant);
    this.#tensors.set(id, tensor);
    return tensor;
  }

  #touch(variable: tf.Variable): VariableNodes {
    const known = this.#variables.get(variable);
    if (known !== undefined) return known;
    const nodes = addVariable(this.#graph, variable);
    this.#variables.set(variable, nodes);
    return nodes;
  }

  #refuse(what: string, instead: string): never {
    const error = refusal(this.#title, what, instead);
    this.#refused ??= error;
    throw error;
  }
}
