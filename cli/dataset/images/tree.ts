import { KdxError } from '../../../leg/errors.ts';

/** A file of a dataset that was given as a folder or an archive; read when it is wanted. */
export type TreeFile = {
  /** From the top, parts joined by `/`. */
  readonly path: string;
  readonly read: () => Promise<Uint8Array>;
};

/** All files below a folder or of an archive, in the order of their paths. */
export type Tree = {
  /** What was given, for messages. */
  readonly origin: string;
  readonly files: readonly TreeFile[];
  /** Lets go of the archive. */
  close(): Promise<void>;
};

/** One file of a dataset of images has no more; an archive may say anything of what it holds. */
export const MOST_FILE_BYTES = 128 * 2 ** 20;

/**
 * Refuses what must not be in an archive: whoever unpacked it elsewhere would write outside of the
 * folder. Nothing here is ever unpacked to a path that an archive names.
 *
 * @throws KdxError `DataMismatch` naming the member
 */
export function checkMemberPath(origin: string, path: string): void {
  const isAbsolute = /^([\\/]|[A-Za-z]:)/.test(path);
  const climbs = path.split(/[\\/]/).includes('..');
  if (!isAbsolute && !climbs && !path.includes('\0') && !path.includes('\\')) return;
  const problem = `member ${JSON.stringify(path)} would lie outside of its folder`;
  throw new KdxError('DataMismatch', `${origin}: ${problem}; allowed: paths below it, with /`);
}

/** @throws KdxError `DataMismatch` for a member that is neither file nor folder */
export function refuseMember(origin: string, path: string, what: string): never {
  const problem = `member ${JSON.stringify(path)} is ${what}`;
  throw new KdxError('DataMismatch', `${origin}: ${problem}; allowed: files and folders`);
}

/** @throws KdxError `DataMismatch` for a file that is larger than any image is */
export function checkFileBytes(place: string, bytes: number): void {
  if (bytes <= MOST_FILE_BYTES) return;
  const allowed = `at most ${MOST_FILE_BYTES}`;
  throw new KdxError('DataMismatch', `${place} has ${bytes} bytes; allowed: ${allowed}`);
}

/** By code units, as Python sorts names. */
export function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}
