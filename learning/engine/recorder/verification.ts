import { KdxError } from '../../../leg/errors.ts';
import { tf } from '../backend.ts';
import type { Outcome, Tensors } from './rehearsal.ts';

/**
 * Largest deviation of an output, relative to its norm. A graph rounds differently (fused kernels),
 * by about 1e-6; what is frozen is off by far more.
 */
const OUTPUT_TOLERANCE = 1e-3;
/** Of a variable, relative to the norm of its change in the step … */
const CHANGE_TOLERANCE = 0.05;
/** … plus this much of the norm of its values, which is what float32 leaves of a small change. */
const ROUNDING = 1e-6;
/**
 * One in so many values of a variable may be off by more. Adam's first steps go by the sign of a
 * gradient, and where a gradient is nothing but rounding, its sign is chance. What is frozen moves
 * them all.
 */
const CHANCE = 8;

function float(tensor: tf.Tensor): tf.Tensor {
  return tf.cast(tensor, 'float32');
}

function norm(tensor: tf.Tensor): tf.Tensor {
  return tf.sqrt(tf.sum(tf.square(tensor)));
}

/** ‖actual − expected‖ and ‖expected‖. */
function distances(actual: tf.Tensor, expected: tf.Tensor): number[] {
  return tf.tidy(() => {
    const target = float(expected);
    return [...tf.stack([norm(tf.sub(float(actual), target)), norm(target)]).dataSync()];
  });
}

/** How far a variable is from where it should have been changed to. */
type Deviation = {
  /** ‖variable − after‖, ‖after‖ and ‖after − before‖. */
  readonly error: number;
  readonly size: number;
  readonly change: number;
  /** Values that are off by more than the tolerance of a value that changed as most did. */
  readonly deviating: number;
};

function deviationOf(variable: tf.Variable, before: tf.Tensor, after: tf.Tensor): Deviation {
  return tf.tidy(() => {
    const target = float(after);
    const errors = tf.sub(float(variable), target);
    const change = norm(tf.sub(target, float(before)));
    const allowed = tf.add(tf.mul(change, CHANGE_TOLERANCE), tf.mul(norm(target), ROUNDING));
    const each = tf.div(allowed, Math.sqrt(variable.size));
    const deviating = tf.sum(tf.cast(tf.greater(tf.abs(errors), each), 'float32'));
    const figures = tf.stack([norm(errors), norm(target), change, deviating]);
    const [error = NaN, size = NaN, moved = NaN, count = NaN] = figures.dataSync<'float32'>();
    return { error, size, change: moved, deviating: count };
  });
}

function agrees({ error, size, change, deviating }: Deviation, values: number): boolean {
  if (!Number.isFinite(size)) return true;
  const isClose = error <= CHANGE_TOLERANCE * change + ROUNDING * size;
  return isClose || (Number.isFinite(error) && deviating <= Math.floor(values / CHANCE));
}

function disagreement(title: string, batch: number, what: string): KdxError {
  const cause =
    batch === 1
      ? 'an operation does something else in a graph'
      : 'a value that changes from step to step is frozen in the graph: feed it as a tensor';
  return new KdxError(
    'CodeBug',
    `${title}: the recorded graph and eager execution disagree on ${what}, on batch ${batch} of the check; ${cause}.`,
  );
}

/**
 * Compares a run of the graph with an eager run from the same variables: the outputs, and what every
 * variable was changed to. Values that are not finite say nothing: training has diverged then.
 *
 * @param batch 1 for the batch that was recorded, 2 for another one
 * @throws KdxError CodeBug where they disagree
 */
export function verify(title: string, batch: number, eager: Outcome, outputs: Tensors): void {
  for (const [name, expected] of Object.entries(eager.outputs)) {
    const [error = NaN, norm = NaN] = distances(outputs[name] as tf.Tensor, expected);
    if (error <= OUTPUT_TOLERANCE * norm + ROUNDING || !Number.isFinite(norm)) continue;
    throw disagreement(title, batch, `${name} (off by ${error}, its norm is ${norm})`);
  }
  for (const [variable, { before, after }] of eager.changes) {
    const deviation = deviationOf(variable, before, after);
    if (agrees(deviation, variable.size)) continue;
    const { error, change } = deviation;
    const what = `variable ${variable.name} [${variable.shape.join(', ')}] (off by ${error}, it changed by ${change})`;
    throw disagreement(title, batch, what);
  }
}
