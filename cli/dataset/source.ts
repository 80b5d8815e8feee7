import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { errorText, KdxError } from '../../leg/errors.ts';
import { EXPECTED_FILES, recordBytes } from '../../study/dataset-manifest.ts';
import type { DatasetFiles } from '../../stores/datasets.ts';
import { checkArchive, unpackArchive } from './archive.ts';
import { guessAboutFolder } from './guess.ts';
import type { ArchivedDataset } from './published.ts';
import { checkPythonMeta, PYTHON_META, pythonName, recordsOfBatch } from './python.ts';

/** Files as they were given. Those of an archive are the published ones, byte for byte. */
export type Source = { readonly kind: 'archive' | 'folder'; readonly files: DatasetFiles };

/** Folders of a wrong source are searched this deep for what was meant. */
const SEARCH_DEPTH = 2;

/**
 * Reads a dataset from its archive or from a folder with its files.
 * @throws KdxError `DataMismatch` naming what is missing or of another size, with what likely happened
 */
export async function readSource(name: ArchivedDataset, path: string): Promise<Source> {
  const found = await stat(path).catch((cause: unknown) => {
    const message = `${name}: ${path} cannot be read: ${errorText(cause)}`;
    throw new KdxError('DataMismatch', message, { cause });
  });
  if (found.isDirectory()) return { kind: 'folder', files: await readFolder(name, path) };
  const form = await checkArchive(name, path);
  return { kind: 'archive', files: await unpackArchive(name, path, form) };
}

async function readFolder(name: ArchivedDataset, folder: string): Promise<DatasetFiles> {
  const entries = await listFolder(folder, folder, SEARCH_DEPTH);
  const isPython = isPythonFolder(name, entries);
  if (isPython) await checkMeta(name, folder, entries);
  const files = new Map<string, Uint8Array>();
  for (const { name: target, records } of EXPECTED_FILES[name]) {
    const file = isPython ? pythonName(target) : target;
    const path = join(folder, file);
    if (!entries.includes(file)) {
      const guess = guessAboutFolder(name, file, folder, entries);
      throw new KdxError('DataMismatch', `${name}: ${path} is not there; ${guess}`);
    }
    const bytes = await readWhole(name, path);
    if (!isPython) checkSize(name, path, bytes.length, records);
    files.set(target, isPython ? recordsOfBatch(name, path, records, bytes) : bytes);
  }
  return files;
}

/** Whether a folder holds files of the python version and none of the binary one. */
function isPythonFolder(name: ArchivedDataset, entries: readonly string[]): boolean {
  const targets = EXPECTED_FILES[name].map((file) => file.name);
  const has = (file: string): boolean => entries.includes(file);
  return !targets.some(has) && targets.map(pythonName).some(has);
}

async function checkMeta(
  name: ArchivedDataset,
  folder: string,
  entries: readonly string[],
): Promise<void> {
  const { file } = PYTHON_META[name];
  if (!entries.includes(file)) return;
  const path = join(folder, file);
  checkPythonMeta(name, path, await readWhole(name, path));
}

async function readWhole(name: ArchivedDataset, path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    const message = `${name}: ${path} cannot be read: ${errorText(cause)}`;
    throw new KdxError('DataMismatch', message, { cause });
  });
}

function checkSize(name: ArchivedDataset, path: string, bytes: number, records: number): void {
  const stride = recordBytes({ name });
  if (bytes === records * stride) return;
  const images =
    bytes % stride === 0 ? `${bytes / stride} images` : `no whole number of ${stride}-byte images`;
  const message = `${name}: ${path} has ${bytes} bytes (${images}); wanted ${records * stride} (${records} images)`;
  throw new KdxError('DataMismatch', message);
}

/** Names of files from the top folder, as far down as `depth` folders; what is unreadable is left out. */
async function listFolder(top: string, folder: string, depth: number): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const below = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (!entry.isDirectory()) return [relative(top, path)];
      return depth > 1 ? listFolder(top, path, depth - 1) : [];
    }),
  );
  return below.flat();
}
