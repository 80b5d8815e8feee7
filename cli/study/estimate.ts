import type { Study } from '../../study/schema.ts';

/**
 * What one CPU thread does in a step, a multiply-add as two operations: about half of the lowest
 * figure for two threads in `docs/performance.md`, "A step beside PyTorch".
 */
export const GIGAFLOPS_A_THREAD = 75;
/** The plan's costs are millions of multiply-adds. */
const OPERATIONS_A_COST_UNIT = 2e6;

/**
 * What a leg's device does in a second, in 10⁹ operations, to about a factor of two. Undefined for a GPU:
 * they differ too much from each other.
 */
export function gigaflopsOf({ kind, threads }: Study['device']): number | undefined {
  return kind === 'cpu' ? threads * GIGAFLOPS_A_THREAD : undefined;
}

/** Device seconds for a cost of the plan, on a device that does `gigaflops` in a second. */
export function estimateDeviceSeconds(gigaflops: number, cost: number): number {
  return (cost * OPERATIONS_A_COST_UNIT) / (gigaflops * 1e9);
}
