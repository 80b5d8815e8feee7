import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { list, type ReadEntry } from 'tar';

import { errorText, KdxError } from '../../leg/errors.ts';
import { ARCHIVES, EXPECTED_FILES, recordBytes } from '../../study/dataset-manifest.ts';
import type { DatasetFiles } from '../../stores/datasets.ts';
import { guessAboutArchive } from './guess.ts';
import type { ArchivedDataset } from './published.ts';

/**
 * Compares an archive with the published one, byte for byte.
 * @throws KdxError `DataMismatch` with what was found, what is wanted, and what likely happened
 */
export async function checkArchive(name: ArchivedDataset, path: string): Promise<void> {
  const wanted = ARCHIVES[name];
  const { size } = await stat(path);
  if (size !== wanted.bytes) {
    const problem = `${name}: ${path} has ${size} bytes; wanted ${wanted.bytes}`;
    const guess = await guessAboutArchive(name, path, size);
    throw new KdxError('DataMismatch', `${problem}; ${guess}`);
  }
  const hash = createHash('md5');
  await pipeline(createReadStream(path), hash);
  const md5 = hash.digest('hex');
  if (md5 === wanted.md5) return;
  const problem = `${name}: ${path} has md5 ${md5}; wanted ${wanted.md5}`;
  throw new KdxError('DataMismatch', `${problem}; download ${wanted.url} again`);
}

/**
 * Takes the files of a dataset out of its archive, whatever folder they lie in there. A member is
 * known by its file name and size, all others are passed over, and no path of the archive is used.
 * @throws KdxError `DataMismatch` naming the member that is missing, doubled or of another size
 */
export async function unpackArchive(name: ArchivedDataset, path: string): Promise<DatasetFiles> {
  const members = await readMembers(name, path);
  const files = new Map<string, Uint8Array>();
  for (const { name: file, records } of EXPECTED_FILES[name]) {
    const [member, another] = members.filter((candidate) => candidate.file === file);
    const wanted = records * recordBytes(name);
    if (member === undefined) throw mismatch(name, file, 'is not there');
    if (another !== undefined) throw mismatch(name, file, 'is there twice');
    if (member.size !== wanted) {
      throw mismatch(name, file, `has ${member.size} bytes; wanted ${wanted}`);
    }
    files.set(file, await member.bytes);
  }
  return files;
}

type Member = { readonly file: string; readonly size: number; readonly bytes: Promise<Uint8Array> };

/** The members of an archive that have the names of a dataset's files; none larger than its file. */
async function readMembers(name: ArchivedDataset, path: string): Promise<readonly Member[]> {
  const members: Member[] = [];
  const onReadEntry = (entry: ReadEntry): void => {
    const file = posix.basename(entry.path);
    const expected = EXPECTED_FILES[name].find((candidate) => candidate.name === file);
    if (expected === undefined || entry.type !== 'File') return;
    const isFitting = entry.size === expected.records * recordBytes(name);
    const bytes = isFitting ? entry.concat() : Promise.resolve(new Uint8Array());
    members.push({ file, size: entry.size, bytes });
  };
  try {
    await list({ file: path, strict: true, onReadEntry });
    await Promise.all(members.map(({ bytes }) => bytes));
  } catch (cause) {
    const message = `${name}: ${path} does not unpack: ${errorText(cause)}`;
    throw new KdxError('DataMismatch', message, { cause });
  }
  return members;
}

function mismatch(name: ArchivedDataset, file: string, problem: string): KdxError {
  return new KdxError('DataMismatch', `${name}: ${file} in the archive ${problem}`);
}
