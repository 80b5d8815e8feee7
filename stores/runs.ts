import type { RunRecord } from '../leg/result.ts';
import { canonicalJson } from '../study/canonical.ts';
import type { ArtifactStore } from './artifacts.ts';
import { runName, runPrefix } from './names.ts';

/** Keeps the record of a process; a later one of the same process replaces it. */
export async function recordRun(
  store: Pick<ArtifactStore, 'putLatest'>,
  run: RunRecord,
): Promise<void> {
  await store.putLatest(runName(run.key, run.process), Buffer.from(canonicalJson(run)));
}

/** Records of all processes of a key that came to an end of their own, earliest first. */
export async function listRuns(
  store: Pick<ArtifactStore, 'list' | 'getJson'>,
  key: string,
): Promise<readonly RunRecord[]> {
  const names = await store.list(runPrefix(key));
  const runs = await Promise.all(names.map((name) => store.getJson(name)));
  return runs
    .filter((run): run is RunRecord => run !== undefined)
    .sort((a, b) => a.launch - b.launch || a.startedAt.localeCompare(b.startedAt));
}
