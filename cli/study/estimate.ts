import { DATASETS } from '../../study/datasets.ts';
import type { Study } from '../../study/schema.ts';

const MIB = 1024 ** 2;
/** TensorFlow, its libraries and the buffers of a small network: `docs/performance.md`, "Memory". */
const PROCESS_BYTES = 560 * MIB;
/** The dataset as its files hold it, and decoded. */
const DATA_COPIES = 2;
const CHANNELS = 3;

/**
 * What one CPU thread does in a step, a multiply-add as two operations: about half of the lowest
 * figure for two threads in `docs/performance.md`, "A step beside PyTorch".
 */
export const GIGAFLOPS_A_THREAD = 75;
/** The plan's costs are millions of multiply-adds. */
const OPERATIONS_A_COST_UNIT = 2e6;

/** Host memory of one leg in bytes, roughly: what it holds whatever its network is. */
export function estimateMemoryBytes({ dataset }: Pick<Study, 'dataset'>): number {
  const { trainImages, testImages, imageSize } = DATASETS[dataset.name];
  const pixels = (trainImages + testImages) * imageSize ** 2 * CHANNELS;
  return PROCESS_BYTES + DATA_COPIES * pixels;
}

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
