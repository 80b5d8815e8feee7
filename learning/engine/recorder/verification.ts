import { KdxError } from '../../../leg/errors.ts';
import { tf } from '../backend.ts';
import type { Outcome, Tensors } from './rehearsal.ts';
import type { Rerun } from './rounding.ts';

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
/**
 * Factors of the feeds under which eager execution is asked how far rounding alone moves a variable:
 * some units in the last place of a float32, so that every rounding of the step is another one.
 */
const NUDGES = [1 + 2 ** -20, 1 - 2 ** -20, 1 + 2 ** -19, 1 - 2 ** -19];
/** A graph may be off by so many times what eager execution is. */
const NOISE_TOLERANCE = 4;

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
 * A variable that disagrees may still be decided by rounding: the gradient of a bias in front of a
 * batch norm is zero, what floats leave of it is noise, and Adam turns its sign into a whole step. So
 * eager execution runs again with its feeds nudged by some units in the last place, and where it then
 * disagrees with itself as much, the graph is not at fault.
 *
 * @param batch 1 for the batch that was recorded, 2 for another one
 * @param reruns lends reruns of the eager step; called only where a variable disagrees
 * @throws KdxError CodeBug where they disagree
 */
export function verify(
  title: string,
  batch: number,
  eager: Outcome,
  outputs: Tensors,
  reruns: <Value>(use: (rerun: Rerun) => Value) => Value,
): void {
  for (const [name, expected] of Object.entries(eager.outputs)) {
    const [error = NaN, norm = NaN] = distances(outputs[name] as tf.Tensor, expected);
    if (error <= OUTPUT_TOLERANCE * norm + ROUNDING || !Number.isFinite(norm)) continue;
    throw disagreement(title, batch, `${name} (off by ${error}, its norm is ${norm})`);
  }
  const disputed = [...eager.changes]
    .map(([variable, { before, after }]) => {
      return { variable, deviation: deviationOf(variable, before, after) };
    })
    .filter(({ variable, deviation }) => !agrees(deviation, variable.size));
  if (disputed.length === 0) return;
  const noise = reruns((rerun) => noiseOf(disputed, eager, rerun));
  for (const { variable, deviation } of disputed) {
    const { error, change } = deviation;
    const own = noise.get(variable) ?? 0;
    if (error <= NOISE_TOLERANCE * own) continue;
    const what = `variable ${variable.name} [${variable.shape.join(', ')}] (off by ${error}, it changed by ${change}, rounding moves it by ${own})`;
    throw disagreement(title, batch, what);
  }
}

type Disputed = { readonly variable: tf.Variable };

/**
 * How far rounding moves each of some variables at most. A step that gives something else without any
 * nudge depends on more than its feeds and variables: what it gives is no measure of rounding.
 */
function noiseOf(
  disputed: readonly Disputed[],
  { changes }: Outcome,
  rerun: Rerun,
): ReadonlyMap<tf.Variable, number> {
  const distancesAt = (factor: number): number[] => {
    const again = rerun(factor);
    try {
      return disputed.map(({ variable }) => {
        const [moved, target] = [again.changes.get(variable), changes.get(variable)];
        if (moved === undefined || target === undefined) return 0;
        return distances(moved.after, target.after)[0] ?? 0;
      });
    } finally {
      again.dispose();
    }
  };
  const unmoved = distancesAt(1);
  const moved = NUDGES.map(distancesAt);
  return new Map(
    disputed.map(({ variable }, index) => {
      const own = Math.max(...moved.map((distances) => distances[index] ?? 0));
      return [variable, unmoved[index] === 0 ? own : 0];
    }),
  );
}
