import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { KdxError } from '../../leg/errors.ts';
import { decodeRecords } from '../../learning/data/records.ts';
import { EXPECTED_FILES } from '../../study/dataset-manifest.ts';
import { datasetFolder, readDatasetFiles } from '../../stores/datasets.ts';
import type { DatasetFiles, DatasetFolders } from '../../stores/datasets.ts';
import { checkArchive, unpackArchive, type ArchivedDataset } from './archive.ts';

/** What was registered, and where it lies. */
export type AddedDataset = { readonly folder: string; readonly images: number };

/**
 * Puts a dataset where the worker looks for it: out of the published archive, whose bytes are
 * checked, or out of a folder with its files, whose sizes are. Either way every record and label is.
 * The folder gets its name when it is whole; one of that name is replaced.
 *
 * @throws KdxError `DataMismatch` naming the file that is missing, cut short or changed
 */
export async function addDataset(
  name: ArchivedDataset,
  source: string,
  folders: DatasetFolders,
): Promise<AddedDataset> {
  const files = await readSource(name, source);
  let images = 0;
  for (const { name: file, records } of EXPECTED_FILES[name]) {
    const bytes = files.get(file) as Uint8Array;
    images += decodeRecords(name, { name: file, records }, bytes).count;
  }
  const folder = datasetFolder(folders, name);
  await replaceFolder(folder, files);
  return { folder, images };
}

async function readSource(name: ArchivedDataset, source: string): Promise<DatasetFiles> {
  const found = await stat(source).catch((cause: unknown) => {
    throw new KdxError('DataMismatch', `${name}: ${source} cannot be read`, { cause });
  });
  if (found.isDirectory()) return readDatasetFiles(source, name);
  await checkArchive(name, source);
  return unpackArchive(name, source);
}

/** Writes files beside the folder and gives them its name when all are there. */
async function replaceFolder(folder: string, files: DatasetFiles): Promise<void> {
  const partial = join(dirname(folder), `.${randomUUID()}`);
  const old = `${partial}.old`;
  await mkdir(partial, { recursive: true });
  try {
    for (const [name, bytes] of files) await writeFile(join(partial, name), bytes, { flush: true });
    await rename(folder, old).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rename(partial, folder);
    await rm(old, { recursive: true, force: true });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}
