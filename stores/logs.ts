import type { ArtifactStore } from './artifacts.ts';
import { logName } from './names.ts';

/** Keeps the log of a process that ran a leg, or the end of it; answers the object's name. */
export async function keepLog(
  store: Pick<ArtifactStore, 'putLatest'>,
  key: string,
  process: string,
  log: Uint8Array,
): Promise<string> {
  const name = logName(key, process);
  await store.putLatest(name, log, 'text/plain');
  return name;
}
