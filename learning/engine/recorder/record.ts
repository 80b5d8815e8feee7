import { tf } from '../backend.ts';
import { dataType, operation } from '../operation.ts';
import { intercept } from './interception.ts';
import { handleOf } from './native.ts';
import type { GraphFunction, RecordingOptions } from './recording.ts';
import { Recording } from './recording.ts';
import type { Outcome, Step, Tensors } from './rehearsal.ts';
import { registeredVariables, rehearse } from './rehearsal.ts';

/** Variables by the handle each has at the start. Two that share one get handles of their own. */
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

/** The same values under a new handle. */
function ownHandle(tensor: tf.Tensor): tf.Tensor {
  return tf.keep(operation('Identity', [dataType('T', tensor.dtype)], [tensor]));
}

let active = false;

/** Whether a step is being recorded now. */
export function isRecording(): boolean {
  return active;
}

/**
 * Runs a step once, eagerly, and writes it down as a graph. The run is undone: recording does not
 * train. Gives, with the graph, what the eager run did.
 *
 * @throws KdxError CodeBug where the step does what a graph cannot repeat; the message names the
 *   operation and the line
 */
export function record(
  step: Step,
  feeds: Tensors,
  options: RecordingOptions,
): { readonly graph: GraphFunction; readonly eager: Outcome } {
  // A feed may be a variable, or be fed under two names: each gets a handle that is its alone.
  const own = Object.entries(feeds).map(([name, tensor]) => [name, ownHandle(tensor)] as const);
  const recording = new Recording(options, variablesByHandle());
  const placeholders = own.map(([name, tensor]) => recording.feed(name, tensor));
  let graph!: GraphFunction;
  active = true;
  try {
    const listened: Step = (fed) =>
      intercept(recording, () => {
        const outputs = tf.tidy(() => step(fed));
        recording.throwIfRefused();
        graph = recording.finish(placeholders, outputs);
        return outputs;
      });
    const eager = rehearse(listened, Object.fromEntries(own));
    return { graph, eager };
  } finally {
    active = false;
    for (const [, tensor] of own) tensor.dispose();
  }
}
