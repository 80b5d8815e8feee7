import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText } from '../leg/errors.ts';
import { sha256, type ArtifactStore } from './artifacts.ts';
import { blobName } from './names.ts';

/**
 * Reads blobs through a folder that processes on one machine share: `<folder>/blobs/<digest>`, verified
 * on every read, given its name when whole. A copy that is bad is fetched again.
 */
export function cachedBlobs(
  store: Pick<ArtifactStore, 'getBlob'>,
  folder: string,
  warn: (message: string) => void,
) {
  return async (digest: string): Promise<Uint8Array> => {
    const path = join(folder, blobName(digest));
    const cached = await readFile(path).catch(() => undefined);
    if (cached !== undefined && sha256(cached) === digest) return cached;
    const bytes = await store.getBlob(digest);
    // A full or read-only disk costs the next reader a download, not this one its work.
    await keep(folder, path, bytes).catch((error: unknown) => {
      warn(`${path} cannot be kept: ${errorText(error)}`);
    });
    return bytes;
  };
}

async function keep(folder: string, path: string, bytes: Uint8Array): Promise<void> {
  const partial = join(folder, '.partial', randomUUID());
  await mkdir(join(folder, '.partial'), { recursive: true });
  await mkdir(join(folder, 'blobs'), { recursive: true });
  try {
    await writeFile(partial, bytes, { flag: 'wx' });
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
}
