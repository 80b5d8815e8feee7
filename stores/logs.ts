import type { ArtifactStore } from './artifacts.ts';
import { logName } from './names.ts';

type Store = Pick<ArtifactStore, 'putLatest' | 'has'>;

/** Keeps the log of a process that ran a leg; returns the object's name. */
export async function keepLog(
  store: Pick<Store, 'putLatest'>,
  key: string,
  process: string,
  log: Uint8Array,
): Promise<string> {
  const name = logName(key, process);
  await store.putLatest(name, log, 'text/plain');
  return name;
}

/**
 * Keeps the end of the log of a process that has kept none itself, since it was killed or could not read
 * its leg; returns the name of the object that holds its log.
 */
export async function keepLogTail(
  store: Store,
  key: string,
  process: string,
  readTail: () => Uint8Array | Promise<Uint8Array>,
): Promise<string> {
  const name = logName(key, process);
  return (await store.has(name)) ? name : await keepLog(store, key, process, await readTail());
}
