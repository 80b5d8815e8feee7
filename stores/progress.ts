import type { Progress } from '../leg/result.ts';
import { canonicalJson } from '../study/canonical.ts';
import type { ArtifactStore } from './artifacts.ts';
import { concurrently } from './concurrently.ts';
import { progressName, progressPrefix } from './names.ts';

const LOOKUPS_AT_ONCE = 16;

/** The latest word of each leg that has said one, by key; of several processes the youngest. */
export async function readProgress(
  store: Pick<ArtifactStore, 'list' | 'getJson'>,
  keys: readonly string[],
): Promise<ReadonlyMap<string, Progress>> {
  const found = await concurrently(keys, LOOKUPS_AT_ONCE, async (key) => {
    const names = await store.list(progressPrefix(key));
    const words = await Promise.all(names.map((name) => store.getJson(name)));
    return words
      .filter((word): word is Progress => word !== undefined)
      .sort((a, b) => a.at.localeCompare(b.at))
      .at(-1);
  });
  return new Map(found.filter((word) => word !== undefined).map((word) => [word.key, word]));
}

/**
 * Says progress without ever delaying or failing the caller: one write is under way at a time, and of
 * what is said meanwhile only the latest is written. A write that fails is made up for by the next.
 */
export function progressWriter(store: Pick<ArtifactStore, 'putLatest'>) {
  let latest: Progress | undefined;
  let isWriting = false;
  const drain = async () => {
    isWriting = true;
    while (latest !== undefined) {
      const word = latest;
      latest = undefined;
      const name = progressName(word.key, word.process);
      // The store's absence is told by the leg's own writes, which it cannot do without.
      await store.putLatest(name, Buffer.from(canonicalJson(word))).catch(() => undefined);
    }
    isWriting = false;
  };
  return (progress: Progress): void => {
    latest = progress;
    if (!isWriting) void drain();
  };
}
