import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { errorText, KdxError } from '../../../leg/errors.ts';
import { byPath, checkFileBytes, type Tree, type TreeFile } from './tree.ts';

/** Deeper than any dataset; a link to a folder above it would never end. */
const MOST_FOLDERS_DEEP = 16;

/**
 * All files below a folder. Links are followed, as torchvision follows them: the folder is the user's.
 *
 * @throws KdxError `DataMismatch` naming what cannot be read, a link to nothing and a circle of links
 */
export async function openFolder(folder: string): Promise<Tree> {
  const files: TreeFile[] = [];
  await collect(folder, '', [await realpath(folder)], files);
  return { origin: folder, files: files.toSorted(byPath), close: async () => undefined };
}

async function collect(
  folder: string,
  prefix: string,
  above: readonly string[],
  files: TreeFile[],
): Promise<void> {
  if (above.length > MOST_FOLDERS_DEEP) {
    const allowed = `at most ${MOST_FOLDERS_DEEP} folders deep`;
    throw new KdxError('DataMismatch', `${folder} lies too deep; allowed: ${allowed}`);
  }
  const names = await readdir(folder).catch((cause: unknown) => unreadable(folder, cause));
  for (const name of names) {
    const full = join(folder, name);
    const path = `${prefix}${name}`;
    const found = await stat(full).catch((cause: unknown) => unreadable(full, cause));
    if (found.isFile()) {
      files.push({ path, read: () => readImage(full, found.size) });
    } else if (found.isDirectory()) {
      const real = await realpath(full);
      if (above.includes(real)) {
        throw new KdxError('DataMismatch', `${full} is a link to a folder that it lies in`);
      }
      await collect(full, `${path}/`, [...above, real], files);
    }
  }
}

async function readImage(path: string, bytes: number): Promise<Uint8Array> {
  checkFileBytes(path, bytes);
  return readFile(path).catch((cause: unknown) => unreadable(path, cause));
}

function unreadable(path: string, cause: unknown): never {
  throw new KdxError('DataMismatch', `${path} cannot be read: ${errorText(cause)}`, { cause });
}
