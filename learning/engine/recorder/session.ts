import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';

import { KdxError } from '../../../leg/errors.ts';
import { tf } from '../backend.ts';
import type { Copy } from './coherence.ts';
import { agreed, changed, isAhead, isCurrent, join, leave } from './coherence.ts';
import type { NodeDef } from './messages.ts';
import { TAG, encodeSavedModel } from './messages.ts';
import type { Handle } from './native.ts';
import { handleOf, native } from './native.ts';
import type { RecordedGraph } from './recording.ts';
import type { Tensors } from './rehearsal.ts';
import type { VariableNodes } from './variables.ts';

function load({ title, nodes }: { title: string; nodes: readonly NodeDef[] }): number {
  const folder = mkdtempSync(joinPath(tmpdir(), `kdx-graph-${process.pid}-`));
  try {
    writeFileSync(joinPath(folder, 'saved_model.pb'), encodeSavedModel(nodes));
    return native().binding.loadSavedModel(folder, TAG);
  } catch (cause) {
    throw new KdxError('CodeBug', `${title}: TensorFlow refuses the recorded graph`, { cause });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * A recorded graph in a session of TensorFlow. It has copies of the variables, and keeps them and
 * the host's, which other sessions and eager code go by, coherent: values move when they are newer
 * on one side and needed on the other. On a CPU nothing is copied then, only handles are passed.
 */
export class GraphSession implements Copy {
  readonly #graph: RecordedGraph;
  /** The binding's number of the session. */
  readonly #id: number;
  readonly #feeds: readonly string[];
  readonly #outputs: readonly string[];

  /** @throws KdxError CodeBug where TensorFlow does not take the graph */
  constructor(graph: RecordedGraph) {
    this.#graph = graph;
    this.#id = load(graph);
    this.#feeds = graph.feeds.map(({ tensor }) => tensor);
    this.#outputs = graph.outputs.map(({ tensor }) => tensor);
    for (const variable of graph.variables.keys()) join(variable, this);
  }

  /** Runs the step once; the outputs are kept, and the caller disposes them. */
  run(feeds: Tensors): Tensors {
    const { feeds: named, outputs, assigned } = this.#graph;
    const inputs = named.map(({ name }) => handleOf(feeds[name] as tf.Tensor).id);
    this.#takeFromHost();
    const handles = this.#execute(this.#feeds, inputs, this.#outputs);
    for (const variable of assigned) changed(variable, this);
    const tensors = outputs.map(({ name }, index) => {
      const tensor = native().createOutputTensor(handles[index] as Handle);
      return [name, tf.keep(tensor)] as const;
    });
    return Object.fromEntries(tensors);
  }

  bringToHost(): void {
    const ahead = this.#living().filter(([variable]) => isAhead(variable, this));
    if (ahead.length === 0) return;
    const handles = this.#execute(
      [],
      [],
      ahead.map(([, { value }]) => value),
    );
    // First of all, since assigning reads the variable, which would lead back here.
    for (const [variable] of ahead) agreed(variable, this);
    for (const [index, [variable]] of ahead.entries()) {
      const value = native().createOutputTensor(handles[index] as Handle);
      variable.assign(value);
      value.dispose();
      agreed(variable, this);
    }
  }

  /** Ends the session; the host has the newest values then. */
  close(): void {
    this.bringToHost();
    for (const variable of this.#graph.variables.keys()) leave(variable, this);
    native().binding.deleteSavedModel(this.#id);
  }

  #takeFromHost(): void {
    const behind = this.#living().filter(([variable]) => !isCurrent(variable, this));
    if (behind.length === 0) return;
    const inputs = behind.map(([variable]) => handleOf(variable).id);
    const nodes = behind.map(([, { next, set }]) => ({ next, set }));
    const handles = this.#execute(
      nodes.map(({ next }) => next),
      inputs,
      nodes.map(({ set }) => set),
    );
    for (const { id } of handles) native().binding.deleteTensor(id);
    for (const [variable] of behind) agreed(variable, this);
  }

  #living(): [tf.Variable, VariableNodes][] {
    return [...this.#graph.variables].filter(([{ isDisposed }]) => !isDisposed);
  }

  #execute(feeds: readonly string[], inputs: number[], outputs: readonly string[]): Handle[] {
    return native().binding.runSavedModel(this.#id, inputs, feeds.join(), outputs.join());
  }
}
