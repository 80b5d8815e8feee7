import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { KdxError } from '../../../leg/errors.ts';
import { tf } from '../backend.ts';
import type { NodeDef } from './messages.ts';
import { TAG, encodeSavedModel, tensorShape } from './messages.ts';
import type { Handle } from './native.ts';
import { handleOf, native } from './native.ts';
import type { GraphFunction, NamedTensor } from './recording.ts';
import type { Tensors } from './rehearsal.ts';
import { watchHostUse } from './residence.ts';

function loadGraph(nodes: readonly NodeDef[]): number {
  const folder = mkdtempSync(join(tmpdir(), 'kdx-graph-'));
  try {
    writeFileSync(join(folder, 'saved_model.pb'), encodeSavedModel(nodes));
    return native().binding.loadSavedModel(folder, TAG);
  } catch (cause) {
    throw new KdxError('CodeBug', 'TensorFlow refuses the recorded graph', { cause });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The variable itself, its value, and the way to set it from a fed tensor. */
function variableNodes(name: string, variable: tf.Variable): NodeDef[] {
  const { shape, dtype } = handleOf(variable);
  const typed = { dtype: { type: dtype } };
  const shaped = { ...typed, shape: { shape: tensorShape(shape) } };
  const shared = { s: new TextEncoder().encode(name) };
  const assigned = [`${name}/next:0`, `^${name}/assign`];
  return [
    { name, op: 'VarHandleOp', input: [], attr: { ...shaped, shared_name: shared } },
    { name: `${name}/value`, op: 'ReadVariableOp', input: [`${name}:0`], attr: typed },
    { name: `${name}/next`, op: 'Placeholder', input: [], attr: shaped },
    {
      name: `${name}/assign`,
      op: 'AssignVariableOp',
      input: [`${name}:0`, `${name}/next:0`],
      attr: typed,
    },
    { name: `${name}/assigned`, op: 'Identity', input: assigned, attr: { T: { type: dtype } } },
  ];
}

/**
 * TensorFlow's session of this process: the recorded functions in one graph, over variables that
 * they share. A variable then has two homes, the session and the host (its `tf.Variable`); values
 * move from one to the other when they are newer there and needed here, and by themselves.
 */
export class Session {
  readonly #functions = new Set<GraphFunction>();
  /** Variables that have a second home here, with what makes them leave it. */
  readonly #residents = new Map<tf.Variable, () => void>();
  /** The binding's number of the loaded graph; absent before the first run and after a change. */
  #loaded: number | undefined;
  /** Variables that a function assigned since the host last had them. */
  readonly #newerHere = new Set<tf.Variable>();
  /** Variables that the host assigned since the session last had them. */
  readonly #newerOnHost = new Set<tf.Variable>();
  readonly #names = new WeakMap<tf.Variable, string>();
  #count = 0;

  /** Start of the names of a new function's nodes. */
  nextPrefix(): string {
    this.#count += 1;
    return `f${this.#count}`;
  }

  /** The variable's name in the graph. */
  nameOf(variable: tf.Variable): string {
    const known = this.#names.get(variable);
    if (known !== undefined) return known;
    this.#count += 1;
    const name = `v${this.#count}`;
    this.#names.set(variable, name);
    return name;
  }

  /** Adds a function to the graph, which is loaded anew at the next run. */
  add(graph: GraphFunction): void {
    this.#unload();
    this.#functions.add(graph);
    for (const variable of graph.variables) {
      if (this.#residents.has(variable)) continue;
      const leave = watchHostUse(variable, {
        beforeRead: () => this.#pull(),
        afterWrite: () => this.#newerOnHost.add(variable),
      });
      this.#residents.set(variable, leave);
    }
  }

  /** Removes a function; variables that no other one uses are left to the host, up to date. */
  remove(graph: GraphFunction): void {
    this.#unload();
    this.#functions.delete(graph);
    const used = new Set([...this.#functions].flatMap(({ variables }) => [...variables]));
    for (const [variable, leave] of this.#residents) {
      if (used.has(variable)) continue;
      leave();
      this.#residents.delete(variable);
      this.#newerOnHost.delete(variable);
    }
  }

  /** Runs a function; the outputs are kept, and the caller disposes them. */
  run(graph: GraphFunction, feeds: Tensors): Tensors {
    const inputs = graph.feeds.map(({ name }) => handleOf(feeds[name] as tf.Tensor).id);
    this.#loaded ??= this.#load();
    this.#push();
    const handles = this.#execute(graph.feeds, inputs, graph.outputs);
    for (const variable of graph.assigned) this.#newerHere.add(variable);
    const outputs = graph.outputs.map(({ name }, index) => {
      const tensor = native().createOutputTensor(handles[index] as Handle);
      return [name, tf.keep(tensor)] as const;
    });
    return Object.fromEntries(outputs);
  }

  #execute(
    feeds: readonly NamedTensor[],
    inputs: number[],
    outputs: readonly NamedTensor[],
  ): Handle[] {
    const names = (tensors: readonly NamedTensor[]): string =>
      tensors.map(({ tensor }) => tensor).join();
    return native().binding.runSavedModel(
      this.#loaded as number,
      inputs,
      names(feeds),
      names(outputs),
    );
  }

  #load(): number {
    const living = [...this.#residents.keys()].filter(({ isDisposed }) => !isDisposed);
    for (const variable of living) this.#newerOnHost.add(variable);
    const variables = living.flatMap((variable) => variableNodes(this.nameOf(variable), variable));
    return loadGraph([...variables, ...[...this.#functions].flatMap(({ nodes }) => nodes)]);
  }

  #unload(): void {
    this.#pull();
    if (this.#loaded !== undefined) native().binding.deleteSavedModel(this.#loaded);
    this.#loaded = undefined;
  }

  #named(variables: readonly tf.Variable[], suffix: string): NamedTensor[] {
    return variables.map((variable) => {
      const name = this.nameOf(variable);
      return { name, tensor: `${name}/${suffix}:0` };
    });
  }

  /** Session to host. No values are copied: the host gets handles to the session's tensors. */
  #pull(): void {
    const variables = [...this.#newerHere].filter(({ isDisposed }) => !isDisposed);
    this.#newerHere.clear();
    if (variables.length === 0) return;
    const handles = this.#execute([], [], this.#named(variables, 'value'));
    for (const [index, variable] of variables.entries()) {
      const value = native().createOutputTensor(handles[index] as Handle);
      variable.assign(value);
      value.dispose();
      this.#newerOnHost.delete(variable);
    }
  }

  /** Host to session, before a run. */
  #push(): void {
    const variables = [...this.#newerOnHost].filter(({ isDisposed }) => !isDisposed);
    this.#newerOnHost.clear();
    if (variables.length === 0) return;
    const inputs = variables.map((variable) => handleOf(variable).id);
    const feeds = this.#named(variables, 'next');
    const assigned = this.#execute(feeds, inputs, this.#named(variables, 'assigned'));
    for (const { id } of assigned) native().binding.deleteTensor(id);
  }
}
