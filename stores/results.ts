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
    `${store.location}/${name} is not a result of schema 1 whose spec has that digest, with status, metrics and files`,
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

/**
 * The key is the digest of the spec: a result that was misplaced, or whose spec was altered, shows it.
 * Of the rest the shape is looked at, so that nobody who reads it meets anything else.
 */
function isResultOf(key: string, value: unknown): value is Result {
  const { schema, key: named, spec, status, metrics, files } = membersOf(value);
  return (
    schema === 1 &&
    named === key &&
    digestJson(spec ?? null) === key &&
    (status === 'complete' || status === 'diverged') &&
    isRecordOf(metrics, Number.isFinite) &&
    isRecordOf(files, isBlobRef)
  );
}

function isRecordOf(value: unknown, isMember: (member: unknown) => boolean): boolean {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord && Object.values(value).every(isMember);
}

function isBlobRef(value: unknown): boolean {
  const { digest, bytes } = membersOf(value);
  const isDigest = typeof digest === 'string' && /^[0-9a-f]{64}$/.test(digest);
  return isDigest && Number.isSafeInteger(bytes) && Number(bytes) >= 0;
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}
