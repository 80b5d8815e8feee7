import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

import type { ExecutionContext } from 'ava';
import { create } from 'tar';

import { EXPECTED_FILES, recordBytes } from '../../../study/dataset-manifest.ts';

export type Archived = 'cifar10' | 'cifar100';

/** A folder of the test. */
export async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kdx-test-dataset-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A file of zeros: black images of the first class. It takes no room on the disk. */
export async function zeros(path: string, bytes: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, '');
  await truncate(path, bytes);
}

/** The files of a dataset, all of black images, in a folder. */
export async function blackFiles(path: string, name: Archived): Promise<void> {
  for (const file of EXPECTED_FILES[name]) {
    await zeros(join(path, file.name), file.records * recordBytes(name));
  }
}

/** Packs a folder as it would be distributed. */
export async function pack(path: string): Promise<string> {
  const archive = `${path}.tar.gz`;
  await create({ file: archive, gzip: { level: 1 }, cwd: dirname(path) }, [basename(path)]);
  return archive;
}
