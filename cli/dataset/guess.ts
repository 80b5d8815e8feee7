import { basename, dirname, join } from 'node:path';

import {
  ARCHIVES,
  EXPECTED_FILES,
  PYTHON_ARCHIVES,
  type Archive,
} from '../../study/dataset-manifest.ts';
import { fileKind } from './file-kind.ts';
import type { ArchivedDataset } from './published.ts';
import { pythonName } from './python.ts';

/** What likely happened to an archive of the wrong size, and what to do: the end of a message. */
export async function guessAboutArchive(
  name: ArchivedDataset,
  path: string,
  size: number,
  { url, bytes }: Archive,
): Promise<string> {
  const file = basename(path);
  const published = [...Object.entries(ARCHIVES), ...Object.entries(PYTHON_ARCHIVES)];
  const [other] = published.find((entry) => entry[1].bytes === size) ?? [];
  if (other !== undefined) return `this is the archive of ${other}`;
  if (/matlab/i.test(file)) {
    return `this looks like the matlab version; the binary version is ${ARCHIVES[name].url}`;
  }
  if (isMember(name, file)) {
    return `this is one file of the dataset; give the folder that holds all: ${dirname(path)}`;
  }
  const kind = await fileKind(path);
  if (kind === 'tar') {
    return `this is an unpacked .tar, as some browsers leave it: unpack it (tar -xf ${file}) and give the folder, or download ${url} with curl`;
  }
  if (kind === 'web page') return `this is a web page; download ${url} again`;
  if (kind !== 'gzip') return `this is no .tar.gz; download ${url} again`;
  const cut = size < bytes ? 'the download was cut short; ' : '';
  return `${cut}download ${url} again`;
}

/**
 * What likely happened where a folder lacks a file of the dataset: the end of a message. `entries`
 * are names of files in the folder and, as `sub/name`, in its sub-folders.
 */
export function guessAboutFolder(
  name: ArchivedDataset,
  missing: string,
  folder: string,
  entries: readonly string[],
): string {
  const add = (path: string): string => `kdx dataset add ${name} --from ${path}`;
  const below = entries.find((entry) => entry.endsWith(`/${missing}`));
  if (below !== undefined) {
    return `it is one folder further down: ${add(join(folder, dirname(below)))}`;
  }
  const otherCase = entries.find((entry) => entry.toLowerCase() === missing);
  if (otherCase !== undefined) return `${otherCase} is there: rename it, names are in lower case`;
  const python = entries.find((entry) => entry.endsWith(`/${pythonName(missing)}`));
  if (python !== undefined) {
    return `it is one folder further down: ${add(join(folder, dirname(python)))}`;
  }
  const archives = [ARCHIVES, PYTHON_ARCHIVES].map((forms) => basename(forms[name].url));
  const archive = archives.find((file) => entries.includes(file));
  if (archive !== undefined) return `the archive is there: ${add(join(folder, archive))}`;
  const others = Object.keys(EXPECTED_FILES) as readonly (keyof typeof EXPECTED_FILES)[];
  const other = others.find(
    (dataset) =>
      dataset !== name && EXPECTED_FILES[dataset].every((file) => entries.includes(file.name)),
  );
  if (other !== undefined) return `the files of ${other} are there`;
  return `the folder has to hold ${EXPECTED_FILES[name].map((file) => file.name).join(', ')}`;
}

function isMember(name: ArchivedDataset, file: string): boolean {
  return EXPECTED_FILES[name].some((expected) => expected.name === file.toLowerCase());
}
