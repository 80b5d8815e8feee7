import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { openPromise, type Entry, type ZipFile } from 'yauzl';

import { errorText, isKdxError, KdxError } from '../../../leg/errors.ts';
import {
  byPath,
  checkFileBytes,
  checkMemberPath,
  refuseMember,
  type Tree,
  type TreeFile,
} from './tree.ts';

/** How Unix's kind of a file stands in the attributes of a member. */
const KIND_SHIFT = 16;
const KIND = 0o170000;
const LINK = 0o120000;
const FOLDER = 0o040000;
const FILE = 0o100000;

/**
 * All files of a zip. Nothing is unpacked to the disk: a member is read from its place, to its end, and
 * its checksum is compared.
 *
 * @throws KdxError `DataMismatch` naming the archive, the member and what is allowed
 */
export async function openZip(path: string): Promise<Tree> {
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false }).catch(
    (cause: unknown) => broken(path, cause),
  );
  try {
    const files = await readDirectory(zip, path);
    return { origin: path, files: files.toSorted(byPath), close: async () => zip.close() };
  } catch (cause) {
    zip.close();
    return isKdxError(cause) ? rethrow(cause) : broken(path, cause);
  }
}

async function readDirectory(zip: ZipFile, origin: string): Promise<readonly TreeFile[]> {
  const files = new Map<string, TreeFile>();
  for await (const entry of zip.eachEntry()) {
    const path = entry.fileName;
    checkMemberPath(origin, path);
    const kind = (entry.externalFileAttributes >>> KIND_SHIFT) & KIND;
    if (path.endsWith('/') || kind === FOLDER) continue;
    if (kind === LINK) refuseMember(origin, path, 'a link');
    if (kind !== 0 && kind !== FILE) refuseMember(origin, path, 'a device');
    if (entry.isEncrypted()) refuseMember(origin, path, 'encrypted');
    if (files.has(path)) refuseMember(origin, path, 'there twice');
    files.set(path, { path, read: () => readMember(zip, origin, entry) });
  }
  return [...files.values()];
}

async function readMember(zip: ZipFile, origin: string, entry: Entry): Promise<Uint8Array> {
  const place = `${origin}: ${entry.fileName}`;
  checkFileBytes(place, entry.uncompressedSize);
  const bytes = await openMember(zip, entry).catch((cause: unknown) => {
    throw new KdxError('DataMismatch', `${place} does not unpack: ${errorText(cause)}`, { cause });
  });
  const found = crc32(bytes);
  if (found === entry.crc32) return bytes;
  const [is, wanted] = [found, entry.crc32].map((sum) => sum.toString(16).padStart(8, '0'));
  throw new KdxError('DataMismatch', `${place} has checksum ${is}; wanted ${wanted}`);
}

async function openMember(zip: ZipFile, entry: Entry): Promise<Uint8Array> {
  return buffer(await zip.openReadStreamPromise(entry));
}

function rethrow(error: Error): never {
  throw error;
}

/** The library's own words for a path that climbs. */
const CLIMBS = /^(?:invalid relative path|absolute path|invalid characters in fileName): (.*)$/s;

function broken(path: string, cause: unknown): never {
  const [, member] = CLIMBS.exec(errorText(cause)) ?? [];
  if (member !== undefined) checkMemberPath(path, member);
  const message = `${path} does not unpack: ${errorText(cause)}; allowed: a whole zip`;
  throw new KdxError('DataMismatch', message, { cause });
}
