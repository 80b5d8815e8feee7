import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorText } from '../leg/errors.ts';
import { sha256, type ArtifactStore } from './artifacts.ts';
import { boundCopies, type CacheFolders } from './blob-eviction.ts';
import { blobName } from './names.ts';

/** More than the logits that a study may store by default (`limits.cacheGigabytes`), and some datasets. */
export const DEFAULT_BLOB_CACHE_BYTES = 20 * 1024 ** 3;

export type BlobCacheOptions = {
  /** Processes on one machine share it: `<folder>/blobs/<digest>`. */
  readonly folder: string;
  /** Most that the copies may take together; with 0 none is kept. */
  readonly maxBytes: number;
  /** Says in the log that something is not as it should be, and that reading goes on. */
  readonly warn: (message: string) => void;
};

/**
 * Reads blobs through a folder of copies, each verified on every read and given its name when whole.
 * A copy that is bad, or that another process has evicted, is fetched again. Copies used least recently
 * are deleted as the folder outgrows its bound.
 */
export function cachedBlobs(
  store: Pick<ArtifactStore, 'getBlob'>,
  { folder, maxBytes, warn }: BlobCacheOptions,
): (digest: string) => Promise<Uint8Array> {
  const folders = { blobs: join(folder, 'blobs'), partial: join(folder, '.partial') };
  const bound = boundCopies(folders, maxBytes);
  const makeRoom = (bytes: number): Promise<void> =>
    bound(bytes).catch((error: unknown) => {
      warn(`${folder} cannot be held to ${maxBytes} bytes: ${errorText(error)}`);
    });
  return async (digest) => {
    const path = join(folder, blobName(digest));
    const cached = await readFile(path).catch(() => undefined);
    if (cached !== undefined && sha256(cached) === digest) {
      await markUsed(path);
      await makeRoom(0);
      return cached;
    }
    const bytes = await store.getBlob(digest);
    const isKept = bytes.byteLength <= maxBytes && (await keep(folders, path, bytes, warn));
    await makeRoom(isKept ? bytes.byteLength : 0);
    return bytes;
  };
}

/** The time of change is the time of use: file systems record reading late or not at all. */
async function markUsed(path: string): Promise<void> {
  const now = new Date();
  // Evicted meanwhile, or on a disk that cannot be written: its bytes have been read all the same.
  await utimes(path, now, now).catch(() => undefined);
}

/** Whether a copy was written. A full or read-only disk costs the next reader a download, not this one its work. */
async function keep(
  { partial }: CacheFolders,
  path: string,
  bytes: Uint8Array,
  warn: BlobCacheOptions['warn'],
): Promise<boolean> {
  try {
    await write(join(partial, randomUUID()), path, bytes);
    return true;
  } catch (error) {
    warn(`${path} cannot be kept: ${errorText(error)}`);
    return false;
  }
}

async function write(partial: string, path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(partial), { recursive: true });
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeFile(partial, bytes, { flag: 'wx' });
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
}
