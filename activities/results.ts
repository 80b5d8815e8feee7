import { KdxError } from '../leg/errors.ts';
import type { Result, RunRecord } from '../leg/result.ts';
import type { ArtifactStore } from '../stores/artifacts.ts';
import { resultName, runPrefix } from '../stores/names.ts';
import type { ResultSummary } from './contract.ts';

/** The result of a key, or undefined: then the work is not done. */
export async function readResult(
  store: Pick<ArtifactStore, 'getJson'>,
  key: string,
): Promise<Result | undefined> {
  const name = resultName(key);
  const value = (await store.getJson(name)) as Result | undefined;
  if (value === undefined || (value?.schema === 1 && value.key === key)) return value;
  throw new KdxError('DataMismatch', `${name} is no result of schema 1 for its key; remove it`);
}

/** Records of all attempts at a key that came to an end of their own, in order of their names. */
export async function readRuns(
  store: Pick<ArtifactStore, 'getJson' | 'list'>,
  key: string,
): Promise<readonly RunRecord[]> {
  const names = await store.list(runPrefix(key));
  const runs = await Promise.all(names.map((name) => store.getJson(name)));
  return runs.filter((run) => run !== undefined) as RunRecord[];
}

/** The part of a result that workflows act on: small, and without the spec they have already. */
export function summaryOf({ key, status, metrics, files }: Result): ResultSummary {
  const digests = Object.entries(files).map(([name, { digest }]) => [name, digest] as const);
  return { key, status, metrics, files: Object.fromEntries(digests) };
}
