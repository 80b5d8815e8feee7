import { tf } from '../backend.ts';

/** Tensors by name, into a step or out of it. */
export type Tensors = Readonly<Record<string, tf.Tensor>>;

/** A step: it may assign variables, and keeps its outputs. */
export type Step = (feeds: Tensors) => Tensors;

/** What a step did to a variable. */
export type Change = { readonly before: tf.Tensor; readonly after: tf.Tensor };

/** What a step gave and did, with the variables as they were before it. */
export type Outcome = {
  readonly outputs: Tensors;
  readonly changes: ReadonlyMap<tf.Variable, Change>;
  dispose(): void;
};

/** All variables of the process. */
export function registeredVariables(): tf.Variable[] {
  return Object.values(tf.engine().state.registeredVariables);
}

function snapshot(variable: tf.Variable): tf.Tensor {
  return tf.keep(tf.clone(variable as tf.Tensor));
}

/**
 * Runs a step eagerly and takes back what it did to variables: weights, optimiser slots, running
 * statistics, step counts. Gives what it would have left in them.
 */
export function rehearse(step: Step, feeds: Tensors): Outcome {
  const before = registeredVariables().map((variable) => [variable, snapshot(variable)] as const);
  const changes = new Map<tf.Variable, Change>();
  const undo = (): void => {
    for (const [variable, value] of before) {
      if (variable.dataId === value.dataId) {
        value.dispose();
        continue;
      }
      changes.set(variable, { before: value, after: snapshot(variable) });
      variable.assign(value);
    }
  };
  const dispose = (): void => {
    for (const change of changes.values()) tf.dispose([change.before, change.after]);
  };
  try {
    const outputs = tf.tidy(() => step(feeds));
    undo();
    return {
      outputs,
      changes,
      dispose: () => {
        dispose();
        tf.dispose(Object.values(outputs));
      },
    };
  } catch (error) {
    undo();
    dispose();
    throw error;
  }
}
