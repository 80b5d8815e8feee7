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

/** ‖actual − expected‖ and ‖expected‖, or ‖expected − origin‖ where there is an origin. */
function distances(actual: tf.Tensor, expected: tf.Tensor, origin?: tf.Tensor): number[] {
  return tf.tidy(() => {
    const float = (tensor: tf.Tensor): tf.Tensor => tf.cast(tensor, 'float32');
    const norm = (tensor: tf.Tensor): tf.Tensor => tf.sqrt(tf.sum(tf.square(tensor)));
    const target = float(expected);
    const error = norm(tf.sub(float(actual), target));
    const change = origin === undefined ? tf.scalar(0) : norm(tf.sub(target, float(origin)));
    return [...tf.stack([error, norm(target), change]).dataSync()];
  });
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
    const agrees = error <= OUTPUT_TOLERANCE * norm + ROUNDING || !Number.isFinite(norm);
    if (!agrees) throw disagreement(title, batch, `${name} (off by ${error}, its norm is ${norm})`);
  }
  for (const [variable, { before, after }] of eager.changes) {
    const [error = NaN, norm = NaN, change = NaN] = distances(variable, after, before);
    const agrees = error <= CHANGE_TOLERANCE * change + ROUNDING * norm || !Number.isFinite(norm);
    if (agrees) continue;
    const what = `variable ${variable.name} [${variable.shape.join(', ')}] (off by ${error}, it changed by ${change})`;
    throw disagreement(title, batch, what);
  }
}
