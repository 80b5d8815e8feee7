import type { ArtifactStore } from '../stores/artifacts.ts';
import { canonicalJson } from '../study/canonical.ts';
import type { FailedTrial, FailureChunk } from './contract.ts';

type Store = Pick<ArtifactStore, 'getBlob' | 'putBlob'>;

/** Keeps a chunk of the failed trials of a study, which names the chunk before it; answers its digest. */
export async function keepFailures(
  store: Pick<Store, 'putBlob'>,
  chunk: FailureChunk,
): Promise<string> {
  const { digest } = await store.putBlob(new TextEncoder().encode(canonicalJson(chunk)));
  return digest;
}

/** Reads a chunk; with ids, those failed trials of the whole chain. */
export async function readFailures(
  store: Pick<Store, 'getBlob'>,
  digest: string,
  only?: readonly string[],
): Promise<FailureChunk> {
  if (only !== undefined) {
    const all = await readAllFailures(store, digest);
    return { trials: only.flatMap((id) => all.get(id) ?? []) };
  }
  return JSON.parse(new TextDecoder().decode(await store.getBlob(digest))) as FailureChunk;
}

/** All failed trials of a chain of chunks and of those joined to it, by id. */
export async function readAllFailures(
  store: Pick<Store, 'getBlob'>,
  last: string | undefined,
): Promise<ReadonlyMap<string, FailedTrial>> {
  const failed = new Map<string, FailedTrial>();
  const unread = last === undefined ? [] : [last];
  for (let digest = unread.pop(); digest !== undefined; digest = unread.pop()) {
    const { trials, before, joined = [] } = await readFailures(store, digest);
    // What was kept later stands: it is read first.
    for (const trial of trials) if (!failed.has(trial.id)) failed.set(trial.id, trial);
    if (before !== undefined) unread.push(before);
    unread.push(...joined);
  }
  return failed;
}
