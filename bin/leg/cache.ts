import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { errorText } from '../../leg/errors.ts';
import { digestBytes } from '../../study/canonical.ts';

type ReadBlob = (digest: string) => Promise<Uint8Array>;

/**
 * Keeps blobs in a folder, so that datasets and teachers are fetched once on a machine. What is read
 * from it is held against its digest; a copy that is damaged is fetched again. Trouble with the
 * folder itself costs time and nothing else.
 */
export function cachedIn(
  folder: string,
  read: ReadBlob,
  warn: (message: string) => void,
): ReadBlob {
  return async (digest) => {
    const path = join(folder, digest);
    const kept = await readFile(path).catch(() => undefined);
    if (kept !== undefined && digestBytes(kept) === digest) return kept;
    const bytes = await read(digest);
    await keep(folder, path, bytes).catch((error: unknown) => {
      warn(`${path} cannot be kept: ${errorText(error)}`);
    });
    return bytes;
  };
}

/** Under its final name a file is whole. */
async function keep(folder: string, path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(folder, { recursive: true });
  const partial = `${path}.${randomUUID()}`;
  try {
    await writeFile(partial, bytes);
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
}
