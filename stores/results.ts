import pMap from 'p-map';
import { isKdxError, KdxError } from '../leg/errors.ts';
import type { Result } from '../leg/result.ts';
import { canonicalJson, digestJson } from '../study/canonical.ts';
import type { ArtifactStore } from './artifacts.ts';
import { resultName } from './names.ts';

const LOOKUPS_AT_ONCE = 16;

/**
 * The result of a key; undefined means that the work is not done.
 * Throws `DataMismatch` when what is there is not the result of that key.
 */
export async function readResult(
  store: Pick<ArtifactStore, 'getJson' | 'location'>,
  key: string,
): Promise<Result | undefined> {
  const name = resultName(key);
  const value = await store.getJson(name);
  if (value === undefined || isResultOf(key, value)) return value;
  throw new KdxError(
    'DataMismatch',
    `${store.location}/${name} is not a result of schema 1 whose spec has that digest`,
  );
}

/**
 * What lies at those keys that have something, looked up many at a time: a result, or the
 * `DataMismatch` that says why it is none. Throws what else keeps the store from answering.
 */
export async function lookUpResults(
  store: Pick<ArtifactStore, 'getJson' | 'location'>,
  keys: readonly string[],
): Promise<ReadonlyMap<string, Result | KdxError>> {
  const unique = [...new Set(keys)];
  const found = await pMap(
    unique,
    async (key) => {
      try {
        return [key, await readResult(store, key)] as const;
      } catch (error) {
        if (isKdxError(error) && error.code === 'DataMismatch') return [key, error] as const;
        throw error;
      }
    },
    { concurrency: LOOKUPS_AT_ONCE },
  );
  return new Map(found.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
}

/**
 * Writes a result once, as canonical JSON, so that equal results are equal bytes. An equal one already
 * there is success. Throws `CodeBug` when a different one is there.
 */
export async function commitResult(
  store: Pick<ArtifactStore, 'putOnce'>,
  result: Result,
): Promise<'written' | 'same'> {
  return store.putOnce(resultName(result.key), Buffer.from(canonicalJson(result)));
}

/** The key is the digest of the spec: a result that was altered or misplaced shows it. */
function isResultOf(key: string, value: unknown): value is Result {
  if (typeof value !== 'object' || value === null) return false;
  const { schema, key: named, spec } = value as Partial<Record<keyof Result, unknown>>;
  return schema === 1 && named === key && digestJson(spec ?? null) === key;
}
