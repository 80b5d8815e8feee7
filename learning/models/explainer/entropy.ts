/**
 * How undecided a gate is (KDExplainer's claim: distillation lowers it). Entropies of gates are
 * compared at one fixed temperature, since annealing alone drives them to zero in every arm.
 */

/** Temperature of the comparison: the reference's τ₀, the gate of epoch 10. */
export const INTRINSIC_TEMPERATURE = 0.5;

/** softmax(β/τ) of one row. */
export function gateWeights(row: readonly number[], temperature: number): number[] {
  const peak = Math.max(...row);
  const powers = row.map((value) => Math.exp((value - peak) / temperature));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/** −Σ p ln p / ln n in [0, 1], with 0·ln 0 = 0; 0 for a single expert. */
export function normalisedEntropy(weights: readonly number[]): number {
  if (weights.length < 2) return 0;
  const nats = weights.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
  return nats / Math.log(weights.length);
}

export type GateEntropy = {
  readonly mean: number;
  readonly minimum: number;
  readonly maximum: number;
  /** Mean over the rows of exp(H), in experts. */
  readonly effectiveExperts: number;
};

/** Entropy over the rows of one gate β at a temperature. */
export function gateEntropy(
  rows: readonly (readonly number[])[],
  temperature: number,
): GateEntropy {
  const entropies = rows.map((row) => normalisedEntropy(gateWeights(row, temperature)));
  const experts = rows[0]?.length ?? 1;
  return {
    mean: meanOf(entropies),
    minimum: Math.min(...entropies),
    maximum: Math.max(...entropies),
    effectiveExperts: meanOf(entropies.map((entropy) => experts ** entropy)),
  };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
