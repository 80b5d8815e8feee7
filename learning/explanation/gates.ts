import type { GateEntropy, GateRecord } from '../../leg/records.ts';
import { gateEntropy, gateWeights, INTRINSIC_TEMPERATURE } from '../models/explainer/entropy.ts';
import type { Gates } from './tree.ts';

/**
 * What every gate has learned: its weights and their entropy at the fixed temperature, which arms are
 * compared at, and at the temperature of the last epoch, which alone would drive it to zero.
 */
export function gateRecords(gates: Gates, inverseGateTemperature: number): GateRecord[] {
  const asTrained = 1 / inverseGateTemperature;
  return gates.map((rows, position) => ({
    level: position + 2,
    consumers: rows.length,
    producers: rows[0]?.length ?? 0,
    logits: rows,
    intrinsic: rows.map((row) => gateWeights(row, INTRINSIC_TEMPERATURE)),
    asTrained: rows.map((row) => gateWeights(row, asTrained)),
    entropy: {
      intrinsic: entropyOf(rows, INTRINSIC_TEMPERATURE),
      asTrained: entropyOf(rows, asTrained),
    },
  }));
}

function entropyOf(rows: readonly (readonly number[])[], temperature: number): GateEntropy {
  const { mean, minimum, maximum, effectiveExperts } = gateEntropy(rows, temperature);
  return { mean, min: minimum, max: maximum, effectiveExperts };
}
