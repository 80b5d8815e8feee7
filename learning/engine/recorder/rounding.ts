import { tf } from '../backend.ts';
import { rehearse, type Change, type Outcome, type Step, type Tensors } from './rehearsal.ts';

/** Runs the step again, eagerly and from the same variables, on the feeds times a factor. */
export type Rerun = (factor: number) => Outcome;

/**
 * Lends `use` a way to run a step again from where its variables were before it. They keep the values
 * that they have now.
 *
 * @param changes what the step changes
 */
export function withReruns<Value>(
  step: Step,
  feeds: Tensors,
  changes: ReadonlyMap<tf.Variable, Change>,
  use: (rerun: Rerun) => Value,
): Value {
  const held = [...changes].map(([variable, { before }]) => {
    const value = tf.keep(tf.clone(variable as tf.Tensor));
    variable.assign(before);
    return [variable, value] as const;
  });
  try {
    return use((factor) => {
      const fed = scaled(feeds, factor);
      try {
        return rehearse(step, fed);
      } finally {
        tf.dispose(Object.values(fed));
      }
    });
  } finally {
    for (const [variable, value] of held) {
      variable.assign(value);
      value.dispose();
    }
  }
}

/** Real numbers times a factor; all tensors are the caller's to dispose. */
function scaled(feeds: Tensors, factor: number): Tensors {
  const entries = Object.entries(feeds).map(([name, tensor]) => {
    const fed = tensor.dtype === 'float32' ? tf.mul(tensor, factor) : tf.clone(tensor);
    return [name, fed] as const;
  });
  return Object.fromEntries(entries);
}
