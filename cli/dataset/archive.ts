import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { list, type ReadEntry } from 'tar';

import { errorText, KdxError } from '../../leg/errors.ts';
import {
  ARCHIVES,
  EXPECTED_FILES,
  PYTHON_ARCHIVES,
  recordBytes,
  type Archive,
  type ExpectedFile,
} from '../../study/dataset-manifest.ts';
import type { DatasetFiles } from '../../stores/datasets.ts';
import { guessAboutArchive } from './guess.ts';
import type { ArchivedDataset } from './published.ts';
import { MOST_PYTHON_OVERHEAD, pythonName, recordsOfBatch } from './python.ts';

/** How a distribution holds its images: in records of bytes, or in pickles. */
export type Form = 'binary' | 'python';

/**
 * Compares an archive with the published ones, byte for byte.
 * @returns which of them it is
 * @throws KdxError `DataMismatch` with what was found, what is wanted, and what likely happened
 */
export async function checkArchive(name: ArchivedDataset, path: string): Promise<Form> {
  const { size } = await stat(path);
  const isPython = size === PYTHON_ARCHIVES[name].bytes || /python/i.test(basename(path));
  const wanted: Archive = (isPython ? PYTHON_ARCHIVES : ARCHIVES)[name];
  if (size !== wanted.bytes) {
    const problem = `${name}: ${path} has ${size} bytes; wanted ${wanted.bytes}`;
    const guess = await guessAboutArchive(name, path, size, wanted);
    throw new KdxError('DataMismatch', `${problem}; ${guess}`);
  }
  await checkMd5(name, path, wanted);
  return isPython ? 'python' : 'binary';
}

/** Compares a file with a published one. @throws KdxError `DataMismatch` */
export async function checkPublished(name: string, path: string, wanted: Archive): Promise<void> {
  const { size } = await stat(path);
  if (size !== wanted.bytes) {
    const problem = `${name}: ${path} has ${size} bytes; wanted ${wanted.bytes}`;
    throw new KdxError('DataMismatch', `${problem}; download ${wanted.url} again`);
  }
  await checkMd5(name, path, wanted);
}

async function checkMd5(name: string, path: string, { md5: wanted, url }: Archive): Promise<void> {
  const hash = createHash('md5');
  await pipeline(createReadStream(path), hash);
  const md5 = hash.digest('hex');
  if (md5 === wanted) return;
  const problem = `${name}: ${path} has md5 ${md5}; wanted ${wanted}`;
  throw new KdxError('DataMismatch', `${problem}; download ${url} again`);
}

/**
 * Takes the files of a dataset out of its archive, whatever folder they lie in there, as the binary
 * version has them. A member is known by its file name and size, all others are passed over, and no
 * path of the archive is used.
 * @throws KdxError `DataMismatch` naming the member that is missing, doubled or of another size
 */
export async function unpackArchive(
  name: ArchivedDataset,
  path: string,
  form: Form = 'binary',
): Promise<DatasetFiles> {
  const wanted = EXPECTED_FILES[name].map((file) => memberOf(name, file, form));
  const members = await readMembers(name, path, wanted);
  const files = new Map<string, Uint8Array>();
  for (const { file, target, records, bytes: allowed } of wanted) {
    const [member, another] = members.filter((candidate) => candidate.file === file);
    if (member === undefined) throw mismatch(name, file, 'is not there');
    if (another !== undefined) throw mismatch(name, file, 'is there twice');
    if (!fits(member.size, allowed)) {
      const sizes =
        allowed.least === allowed.most ? allowed.least : Object.values(allowed).join(' to ');
      throw mismatch(name, file, `has ${member.size} bytes; wanted ${sizes}`);
    }
    const bytes = await member.bytes;
    const place = `${file} in the archive`;
    files.set(target, form === 'binary' ? bytes : recordsOfBatch(name, place, records, bytes));
  }
  return files;
}

type Range = { readonly least: number; readonly most: number };

/** A member to take, which becomes the file `target`. */
type Wanted = {
  readonly file: string;
  readonly target: string;
  readonly records: number;
  readonly bytes: Range;
};

function memberOf(
  name: ArchivedDataset,
  { name: target, records }: ExpectedFile,
  form: Form,
): Wanted {
  const bytes = records * recordBytes({ name });
  if (form === 'binary')
    return { file: target, target, records, bytes: { least: bytes, most: bytes } };
  const most = Math.floor(bytes * MOST_PYTHON_OVERHEAD);
  return { file: pythonName(target), target, records, bytes: { least: records, most } };
}

function fits(size: number, { least, most }: Range): boolean {
  return size >= least && size <= most;
}

type Member = { readonly file: string; readonly size: number; readonly bytes: Promise<Uint8Array> };

/** The members of an archive that have the names of a dataset's files; none larger than its file. */
async function readMembers(
  name: ArchivedDataset,
  path: string,
  wanted: readonly Wanted[],
): Promise<readonly Member[]> {
  const members: Member[] = [];
  const onReadEntry = (entry: ReadEntry): void => {
    const file = posix.basename(entry.path);
    const expected = wanted.find((candidate) => candidate.file === file);
    if (expected === undefined || entry.type !== 'File') return;
    const isFitting = fits(entry.size, expected.bytes);
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
