import pMap from 'p-map';
import { lstat, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** What an eviction leaves of the bound, so that the next blob does not call for the next one. */
const LOW_WATER = 0.9;
/** A process looks at the folder again once it has written this part of the bound. */
const LOOK_AGAIN = 1 / 32;
/** What is half written for longer than this was left by a process that was killed. */
const STALE_PARTIAL_SECONDS = 3600;
const LOOKUPS_AT_ONCE = 16;

const DIGEST = /^[0-9a-f]{64}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Where a cache keeps what: whole copies, and those being written. */
export type CacheFolders = { readonly blobs: string; readonly partial: string };

/**
 * Keeps the copies in a folder within a bound as this process writes to it; gives the function to
 * call with the bytes of each copy written, or 0 at the start. Most calls look at nothing: the folder
 * is read at the first one, and when what was written since could have filled it.
 */
export function boundCopies(
  folders: CacheFolders,
  maxBytes: number,
): (bytes: number) => Promise<void> {
  let writtenBytes = 0;
  let lookedAtBytes = Number.NEGATIVE_INFINITY;
  let lookAtBytes = 0;
  return async (bytes) => {
    writtenBytes += bytes;
    if (writtenBytes < lookAtBytes || writtenBytes === lookedAtBytes) return;
    // One look at a time; what is written meanwhile counts for the next.
    lookAtBytes = Number.POSITIVE_INFINITY;
    const before = writtenBytes;
    lookedAtBytes = before;
    let allowanceBytes = maxBytes * LOOK_AGAIN;
    try {
      await removeStalePartials(folders.partial);
      const leftBytes = await evict(folders.blobs, maxBytes);
      allowanceBytes = Math.min(allowanceBytes, maxBytes - leftBytes);
    } finally {
      lookAtBytes = before + allowanceBytes;
    }
  };
}

type Copy = { readonly path: string; readonly bytes: number; readonly usedAtMs: number };

/** Deletes the copies used least recently until the rest is within the bound. Gives the bytes left. */
async function evict(folder: string, maxBytes: number): Promise<number> {
  const copies = await filesOf(folder, DIGEST);
  let leftBytes = copies.reduce((sum, { bytes }) => sum + bytes, 0);
  if (leftBytes <= maxBytes) return leftBytes;
  const byUse = copies.toSorted((a, b) => a.usedAtMs - b.usedAtMs);
  // A copy that fills most of the bound stays while it is the one used last.
  const targetBytes = Math.min(maxBytes, Math.max(maxBytes * LOW_WATER, byUse.at(-1)?.bytes ?? 0));
  for (const { path, bytes } of byUse) {
    if (leftBytes <= targetBytes) break;
    await remove(path);
    leftBytes -= bytes;
  }
  return leftBytes;
}

async function removeStalePartials(folder: string): Promise<void> {
  const staleBeforeMs = Date.now() - STALE_PARTIAL_SECONDS * 1000;
  for (const { path, usedAtMs } of await filesOf(folder, UUID)) {
    if (usedAtMs < staleBeforeMs) await remove(path);
  }
}

/** Files of a folder whose names are of our making: nothing else in it is ever touched, links neither. */
async function filesOf(folder: string, ours: RegExp): Promise<readonly Copy[]> {
  const entries = await unlessAbsent(readdir(folder, { withFileTypes: true }));
  const paths = (entries ?? [])
    .filter((entry) => entry.isFile() && ours.test(entry.name))
    .map(({ name }) => join(folder, name));
  const files = await pMap(
    paths,
    async (path) => {
      const found = await unlessAbsent(lstat(path));
      return found === undefined ? [] : [{ path, bytes: found.size, usedAtMs: found.mtimeMs }];
    },
    { concurrency: LOOKUPS_AT_ONCE },
  );
  return files.flat();
}

/** Another process may have been faster. */
async function remove(path: string): Promise<void> {
  await unlessAbsent(unlink(path));
}

async function unlessAbsent<Value>(operation: Promise<Value>): Promise<Value | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
