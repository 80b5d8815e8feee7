import { tf } from '../backend.ts';
import { dataType, operation } from '../operation.ts';
import { intercept } from './interception.ts';
import { handleOf } from './native.ts';
import type { RecordedGraph } from './recording.ts';
import { Recording } from './recording.ts';
import type { Outcome, Step, Tensors } from './rehearsal.ts';
import { registeredVariables, rehearse } from './rehearsal.ts';

/** The same values under a new handle. */
function ownHandle(tensor: tf.Tensor): tf.Tensor {
  return tf.keep(operation('Identity', [dataType('T', tensor.dtype)], [tensor]));
}

/** Variables by the handle each has now. Two that share one get handles of their own. */
function variablesByHandle(): Map<number, tf.Variable> {
  const byHandle = new Map<number, tf.Variable>();
  for (const variable of registeredVariables()) {
    if (byHandle.has(handleOf(variable).id)) {
      const own = ownHandle(variable);
      variable.assign(own);
      own.dispose();
    }
    byHandle.set(handleOf(variable).id, variable);
  }
  return byHandle;
}

let recording = false;

/** Whether a step is being recorded now. */
export function isRecording(): boolean {
  return recording;
}

/**
 * Runs a step once, eagerly, and writes it down as a graph. The run is undone: recording does not
 * train. Gives, with the graph, what the eager run did.
 *
 * @param title what messages call the step
 * @throws KdxError CodeBug where the step does what a graph cannot repeat; the message names the
 *   operation and the line
 */
export function record(
  title: string,
  step: Step,
  feeds: Tensors,
): { readonly graph: RecordedGraph; readonly eager: Outcome } {
  // A feed may be a variable, or be fed under two names: each gets a handle that is its alone.
  const own = Object.entries(feeds).map(([name, tensor]) => [name, ownHandle(tensor)] as const);
  const listener = new Recording(title, variablesByHandle());
  const placeholders = own.map(([name, tensor]) => listener.feed(name, tensor));
  let graph!: RecordedGraph;
  const listened: Step = (fed) =>
    intercept(listener, () => {
      const outputs = tf.tidy(() => step(fed));
      try {
        graph = listener.finish(placeholders, outputs);
        return outputs;
      } catch (error) {
        tf.dispose(Object.values(outputs));
        throw error;
      }
    });
  recording = true;
  try {
    const eager = rehearse(listened, Object.fromEntries(own));
    return { graph, eager };
  } finally {
    recording = false;
    for (const [, tensor] of own) tensor.dispose();
  }
}
