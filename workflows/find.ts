import { ApplicationFailure } from '@temporalio/workflow';
import type { Found, ResultSummary } from '../activities/contract.ts';
import { findResults } from './proxies.ts';

/** Keys in one call of `findResults`: its answer stays below 64 KiB. */
const FIND_BATCH = 40;

/** What lies at those keys that have something. */
export async function findAll(keys: readonly string[]): Promise<ReadonlyMap<string, Found>> {
  const found = await Promise.all(batchesOf(keys, FIND_BATCH).map((batch) => findResults(batch)));
  return new Map(found.flat().map((result) => [result.key, result]));
}

/**
 * The result at a key, if it has one.
 * @throws ApplicationFailure `DataMismatch` where something else lies there
 */
export async function findResult(key: string): Promise<ResultSummary | undefined> {
  const [found] = await findResults([key]);
  if (found?.status !== 'damaged') return found;
  throw ApplicationFailure.nonRetryable(found.message, 'DataMismatch');
}

/** Items in order, at most `size` together. */
export function batchesOf<Item>(items: readonly Item[], size: number): readonly Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}
