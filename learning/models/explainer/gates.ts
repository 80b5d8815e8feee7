/**
 * Gates of the explainer: one learned, input-independent row per consumer over the experts of the
 * level below (KDExplainer, IJCAI 2021, §3; there named after "Learning to Branch", but without its
 * Gumbel noise).
 */
import { KdxError } from '../../../leg/errors.ts';
import { tf } from '../../engine/backend.ts';
import { withoutGradient } from '../../engine/gradients.ts';
import type { Pass, Route } from '../../engine/network.ts';

/**
 * A = softmax(β·s) by row, s the inverse temperature. The reference takes softmax(β/τ₀) and then
 * softmax(ln · /t) with τ₀ = 0.5 and t = 10/ê; the first only shifts rows, so s = ê/5.
 */
export function softGate(beta: tf.Tensor2D, inverseTemperature: tf.Scalar): tf.Tensor2D {
  return tf.softmax(tf.mul<tf.Tensor2D>(beta, inverseTemperature));
}

/** One-hot of every row's maximum, the lowest index on ties. No gradient reaches β. */
export function hardGate(beta: tf.Tensor2D): tf.Tensor2D {
  return withoutGradient(() => {
    const peaks = tf.cast(tf.greaterEqual(beta, tf.max(beta, 1, true)), 'float32');
    const first = tf.cast(tf.equal(tf.cumsum(peaks, 1), 1), 'float32');
    return tf.mul<tf.Tensor2D>(peaks, first);
  });
}

/**
 * The gate that a pass asks for; `level` counts gates from 0.
 *
 * @throws KdxError CodeBug where the pass says nothing about gates
 */
export function gateOf(beta: tf.Tensor2D, level: number, pass: Pass): tf.Tensor2D {
  const parents = pass.route?.parents[level];
  if (parents !== undefined) return routedGate(parents, beta.shape[1]);
  if (pass.hardGates === true) return hardGate(beta);
  if (pass.inverseGateTemperature !== undefined) return softGate(beta, pass.inverseGateTemperature);
  throw new KdxError(
    'CodeBug',
    'A pass of the explainer has no gates; allowed: inverseGateTemperature, hardGates or route.',
  );
}

function routedGate(parents: readonly number[], experts: number): tf.Tensor2D {
  const index = tf.tensor1d([...parents], 'int32');
  return tf.oneHot(index, experts).as2D(parents.length, experts);
}

/** z_i = Σ_j A_ij h_j for every consumer i: one matrix product over the stacked experts. */
export function mix(gate: tf.Tensor2D, experts: readonly tf.Tensor[]): tf.Tensor {
  const [consumers, producers] = gate.shape;
  const shape = (experts[0] as tf.Tensor).shape;
  const stacked = tf.reshape<tf.Rank.R2>(tf.stack([...experts]), [producers, -1]);
  return tf.reshape(tf.matMul(gate, stacked), [consumers, ...shape]);
}

/** Experts that some class reads, by level: the others change nothing that is measured. */
export function liveExperts({ parents }: Route): ReadonlySet<number>[] {
  const live: ReadonlySet<number>[] = [];
  let consumers: readonly number[] = [...(parents.at(-1) ?? []).keys()];
  for (const gate of parents.toReversed()) {
    const read = new Set(consumers.map((consumer) => gate[consumer] as number));
    live.unshift(read);
    consumers = [...read];
  }
  return live;
}
