import { createWriteStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { list, type ReadEntry } from 'tar';

import { errorText, isKdxError, KdxError } from '../../../leg/errors.ts';
import { temporaryFolder } from '../temporary.ts';
import {
  byPath,
  checkFileBytes,
  checkMemberPath,
  refuseMember,
  type Tree,
  type TreeFile,
} from './tree.ts';

const FILES: readonly string[] = ['File', 'OldFile', 'ContiguousFile'];
const FOLDERS: readonly string[] = ['Directory', 'GNUDumpDir'];

/** Where a member lies in the spool. */
type Spooled = { readonly path: string; readonly start: number; readonly bytes: number };

/**
 * All files of a tar, packed with gzip or not. It can be read from front to back only: its files are
 * written one behind the other into one file of a temporary folder, under no name of theirs.
 *
 * @throws KdxError `DataMismatch` naming the archive, the member and what is allowed
 */
export async function openTar(path: string): Promise<Tree> {
  const { path: folder, remove } = await temporaryFolder();
  try {
    const spool = join(folder, 'files');
    const members = await spoolMembers(path, spool);
    const handle = await open(spool);
    const files = members.map((member): TreeFile => ({
      path: member.path,
      read: () => readSpooled(handle, member),
    }));
    const close = async (): Promise<void> => {
      await handle.close();
      await remove();
    };
    return { origin: path, files: files.toSorted(byPath), close };
  } catch (cause) {
    await remove();
    if (isKdxError(cause)) throw cause;
    const message = `${path} does not unpack: ${errorText(cause)}; allowed: a whole .tar or .tar.gz`;
    throw new KdxError('DataMismatch', message, { cause });
  }
}

async function spoolMembers(path: string, spool: string): Promise<readonly Spooled[]> {
  const out = createWriteStream(spool);
  const members = new Map<string, Spooled>();
  let end = 0;
  let failure: KdxError | undefined;
  const take = (entry: ReadEntry): void => {
    if (!isFile(path, entry)) {
      entry.resume();
      return;
    }
    if (members.has(entry.path)) refuseMember(path, entry.path, 'there twice');
    checkFileBytes(`${path}: ${entry.path}`, entry.size);
    members.set(entry.path, { path: entry.path, start: end, bytes: entry.size });
    end += entry.size;
    entry.pipe(out, { end: false });
  };
  const onReadEntry = (entry: ReadEntry): void => {
    try {
      if (failure === undefined) return take(entry);
    } catch (error) {
      if (!isKdxError(error)) throw error;
      failure = error;
    }
    entry.resume();
  };
  try {
    await list({ file: path, strict: true, onReadEntry });
  } finally {
    out.end();
    await finished(out);
  }
  if (failure !== undefined) throw failure;
  if (members.size === 0) throw new Error('it holds no files');
  return [...members.values()];
}

/** False for a folder. @throws KdxError `DataMismatch` for what an archive of images must not hold */
function isFile(origin: string, { path, type }: ReadEntry): boolean {
  checkMemberPath(origin, path);
  if (FOLDERS.includes(type)) return false;
  if (type === 'SymbolicLink' || type === 'Link') refuseMember(origin, path, 'a link');
  if (!FILES.includes(type)) refuseMember(origin, path, `a ${type}`);
  return true;
}

async function readSpooled(handle: FileHandle, { start, bytes }: Spooled): Promise<Uint8Array> {
  const buffer = Buffer.alloc(bytes);
  const { bytesRead } = await handle.read(buffer, 0, bytes, start);
  if (bytesRead !== bytes) throw new Error(`${bytesRead} of ${bytes} bytes could be read`);
  return buffer;
}
