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

export async function readFailures(
  store: Pick<Store, 'getBlob'>,
  digest: string,
): Promise<FailureChunk> {
  return JSON.parse(new TextDecoder().decode(await store.getBlob(digest))) as FailureChunk;
}

/** All failed trials of a chain of chunks, by id. */
export async function readAllFailures(
  store: Pick<Store, 'getBlob'>,
  last: string | undefined,
): Promise<ReadonlyMap<string, FailedTrial>> {
  const failed = new Map<string, FailedTrial>();
  for (let digest = last; digest !== undefined;) {
    const chunk = await readFailures(store, digest);
    for (const trial of chunk.trials) failed.set(trial.id, trial);
    digest = chunk.before;
  }
  return failed;
}
