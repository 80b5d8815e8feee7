import type { Study } from '../../study/schema.ts';

/**
 * What one CPU thread does in a step, a multiply-add as two operations: about half of the lowest
 * figure for two threads in `docs/performance.md`, "A step beside PyTorch".
 */
export const GIGAFLOPS_A_THREAD = 75;
/** The plan's costs are millions of multiply-adds. */
const OPERATIONS_A_COST_UNIT = 2e6;

/**
 * Device seconds for a cost of the plan, to about a factor of two. Undefined for a GPU: they differ
 * too much from each other.
 */
export function estimateDeviceSeconds(
  { kind, threads }: Study['device'],
  cost: number,
): number | undefined {
  if (kind !== 'cpu') return undefined;
  return (cost * OPERATIONS_A_COST_UNIT) / (threads * GIGAFLOPS_A_THREAD * 1e9);
}
