import { statfs } from 'node:fs/promises';
import { KdxError } from '../leg/errors.ts';
import type { Layout } from './layout.ts';

/** With less, SeaweedFS stops writing, and so does a study. */
export const LEAST_FREE_BYTES = 64 * 1024 ** 2;

/** Where a stack writes what it cannot do without. */
type Folders = Pick<Layout, 'home' | 'cache'>;

/**
 * Names the disk of a stack on which too little is free; undefined when there is enough on each.
 * Inodes are not counted: several file systems have no fixed number of them.
 */
export async function diskProblem(
  { home, cache }: Folders,
  leastBytes = LEAST_FREE_BYTES,
): Promise<string | undefined> {
  for (const folder of [home, cache]) {
    // The cache's folder is made by the first leg.
    const disk = await statfs(folder).catch(() => undefined);
    if (disk === undefined) continue;
    const free = disk.bavail * disk.bsize;
    if (free >= leastBytes) continue;
    const [found, needed] = [free, leastBytes].map((bytes) => Math.floor(bytes / 1024 ** 2));
    return `the disk of ${folder} is full: ${found} MiB are free, ${needed} MiB are needed`;
  }
  return undefined;
}

/** @throws KdxError `ObjectStore` naming the disk of a stack that is full */
export async function checkDisk(folders: Folders): Promise<void> {
  const problem = await diskProblem(folders);
  if (problem !== undefined) throw new KdxError('ObjectStore', problem);
}
