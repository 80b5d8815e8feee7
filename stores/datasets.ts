import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KdxError } from '../leg/errors.ts';
import {
  DIGITS_FOLDER,
  DIGITS_MANIFEST,
  EXPECTED_FILES,
  manifestBytes,
  manifestDigest,
  manifestOf,
  recordBytes,
  type DatasetManifest,
} from '../study/dataset-manifest.ts';
import type { DatasetName } from '../study/datasets.ts';
import type { ArtifactStore } from './artifacts.ts';

export type DatasetFolders = {
  /** The checkout, which the digits come with. */
  readonly root: string;
  /** Holds `datasets/<name>/<file>` of what is fetched. */
  readonly cacheDir: string;
};

/** The files of a dataset by name, in reading order. */
export type DatasetFiles = ReadonlyMap<string, Uint8Array>;

/** Where the files of a dataset lie. */
export function datasetFolder({ root, cacheDir }: DatasetFolders, name: DatasetName): string {
  return name === 'digits' ? join(root, DIGITS_FOLDER) : join(cacheDir, 'datasets', name);
}

/**
 * Puts the files of a dataset and its manifest into the store, where legs read them by digest.
 * @throws KdxError `DataMismatch` naming the file that is missing, cut short or changed.
 */
export async function publishDataset(
  store: Pick<ArtifactStore, 'putBlob'>,
  folders: DatasetFolders,
  name: DatasetName,
): Promise<string> {
  const { files, manifest } = await readDataset(folders, name);
  for (const bytes of files.values()) await store.putBlob(bytes);
  await store.putBlob(manifestBytes(manifest));
  return manifestDigest(manifest);
}

/** Reads a dataset and registers its files. Throws as `publishDataset` does. */
export async function readDataset(
  folders: DatasetFolders,
  name: DatasetName,
): Promise<{ readonly files: DatasetFiles; readonly manifest: DatasetManifest }> {
  const folder = datasetFolder(folders, name);
  const files = await readDatasetFiles(folder, name);
  const manifest = manifestOf(name, files);
  if (name === 'digits') checkDigits(manifest, folder);
  return { files, manifest };
}

/** Reads the files of a dataset and checks their sizes. Throws as `publishDataset` does. */
export async function readDatasetFiles(folder: string, name: DatasetName): Promise<DatasetFiles> {
  const files = new Map<string, Uint8Array>();
  for (const { name: file, records } of EXPECTED_FILES[name]) {
    const path = join(folder, file);
    const bytes = await readFile(path).catch((cause: unknown) => {
      const message = `${name}: ${path} cannot be read (kdx dataset --help says how to get it)`;
      throw new KdxError('DataMismatch', message, { cause });
    });
    const wanted = records * recordBytes(name);
    if (!file.endsWith('.gz') && bytes.length !== wanted) {
      const message = `${name}: ${path} has ${bytes.length} bytes; wanted ${wanted}`;
      throw new KdxError('DataMismatch', message);
    }
    files.set(file, bytes);
  }
  return files;
}

/** The shipped digits are registered by digest. */
function checkDigits(manifest: DatasetManifest, folder: string): void {
  DIGITS_MANIFEST.files.forEach((registered, i) => {
    const found = manifest.files[i];
    if (found?.digest === registered.digest) return;
    throw new KdxError(
      'DataMismatch',
      `digits: ${join(folder, registered.name)} has sha256 ${found?.digest ?? 'none'}; registered is ${registered.digest}`,
    );
  });
}
