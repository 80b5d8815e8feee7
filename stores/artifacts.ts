import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { KdxError, errorText } from '../leg/errors.ts';
import type { BlobRef } from '../leg/result.ts';
import { blobName } from './names.ts';
import {
  type Aged,
  checkObjectName,
  type Listed,
  type Objects,
  type Stat,
  type Unfinished,
} from './objects.ts';

/** Artifacts by digest and manifests by name, over S3 (`openS3Store`) or a folder (`openFolderStore`). */
export type ArtifactStore = {
  /** Where it is, for messages. */
  readonly location: string;
  /** Creates the bucket or folder where it is missing. */
  ensureBucket(): Promise<void>;
  /** Throws `ObjectStore` when the store cannot be reached, `Configuration` when it refuses us. */
  ping(): Promise<void>;
  /**
   * Stores bytes under their digest. Nothing is sent when they are there already, unless they have been
   * for so long that the collector could take them for garbage before something names them.
   */
  putBlob(bytes: Uint8Array): Promise<BlobRef>;
  /** Bytes of a blob. Throws `DataMismatch` when they are missing or not those of the digest. */
  getBlob(digest: string): Promise<Uint8Array>;
  /**
   * Conditional write of a manifest. `same`: equal bytes were there. Throws `CodeBug` when different
   * ones were, since equal names stand for equal bytes.
   */
  putOnce(name: string, bytes: Uint8Array, contentType?: string): Promise<'written' | 'same'>;
  /** Writes a named object over what was there. */
  putLatest(name: string, bytes: Uint8Array, contentType?: string): Promise<void>;
  get(name: string): Promise<Uint8Array | undefined>;
  /** A named object, and how long ago it was written by the store's own clock. */
  getAged(name: string): Promise<Aged | undefined>;
  /** Whether a named object is there. */
  has(name: string): Promise<boolean>;
  /** A named object as JSON; undefined when absent. Throws `DataMismatch` when it is no JSON. */
  getJson(name: string): Promise<unknown>;
  /** Names that start with `prefix`, in order. */
  list(prefix: string): Promise<readonly string[]>;
  /** The same a page at a time, with sizes and times, in no order that one may count on. */
  scan(prefix: string): AsyncIterable<readonly Listed[]>;
  stat(name: string): Promise<Stat | undefined>;
  /** Writes that began and never ended. */
  unfinished(): Promise<readonly Unfinished[]>;
  remove(name: string): Promise<void>;
};

const BYTES = 'application/octet-stream';
const JSON_TYPE = 'application/json';

/** The artifacts of a bucket: digests are computed and checked here, whatever the bucket is. */
export function artifactsIn(objects: Objects, freshSeconds = FRESH_SECONDS): ArtifactStore {
  /** Blobs found bad: stored again even though an object of that name and size is there. */
  const bad = new Set<string>();
  return {
    location: objects.location,
    ensureBucket: () => objects.ensure(),
    ping: () => objects.ping(),
    putBlob: (bytes) => putBlob(objects, bytes, bad, freshSeconds),
    getBlob: (digest) => getBlob(objects, digest, bad),
    putOnce: (name, bytes, contentType = JSON_TYPE) => putOnce(objects, name, bytes, contentType),
    async putLatest(name, bytes, contentType = JSON_TYPE) {
      checkObjectName(name);
      await objects.put(name, bytes, contentType);
    },
    async get(name) {
      checkObjectName(name);
      return objects.get(name);
    },
    async getAged(name) {
      checkObjectName(name);
      return objects.getAged(name);
    },
    async has(name) {
      checkObjectName(name);
      return (await objects.stat(name)) !== undefined;
    },
    getJson: (name) => getJson(objects, name),
    list: (prefix) => objects.list(prefix),
    scan: (prefix) => objects.scan(prefix),
    async stat(name) {
      checkObjectName(name);
      return objects.stat(name);
    },
    unfinished: () => objects.unfinished(),
    async remove(name) {
      checkObjectName(name);
      await objects.remove(name);
    },
  };
}

/** sha256 of bytes, as 64 lower-case hex digits. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function putBlob(
  objects: Objects,
  bytes: Uint8Array,
  bad: Set<string>,
  freshSeconds: number,
): Promise<BlobRef> {
  const digest = sha256(bytes);
  const name = blobName(digest);
  const there = bad.has(digest) ? undefined : await objects.stat(name);
  const ref = { digest, bytes: bytes.byteLength };
  // Clocks that differ by more than a quarter of an hour are refused by S3 altogether.
  const isFresh = there !== undefined && Date.now() - there.modifiedAt < freshSeconds * 1000;
  if (isFresh && there.bytes === ref.bytes) return ref;
  await objects.put(name, bytes, BYTES);
  bad.delete(digest);
  // The collector may have looked just before the write, and removes just after it.
  while (there !== undefined && (await isRemoved(objects, name))) {
    await objects.put(name, bytes, BYTES);
  }
  return ref;
}

/** Half of the collector's least grace: what is named within the other half is never collected. */
const FRESH_SECONDS = 12 * 3600;
/** The collector looks at the age of a blob and removes it at once. */
const SETTLE_MILLISECONDS = 2000;

async function isRemoved(objects: Objects, name: string): Promise<boolean> {
  await setTimeout(SETTLE_MILLISECONDS);
  return (await objects.stat(name)) === undefined;
}

async function getBlob(objects: Objects, digest: string, bad: Set<string>): Promise<Uint8Array> {
  const name = blobName(digest);
  const bytes = await objects.get(name);
  const found = bytes === undefined ? undefined : sha256(bytes);
  if (bytes !== undefined && found === digest) return bytes;
  bad.add(digest);
  throw new KdxError(
    'DataMismatch',
    `${objects.location}/${name} ${found === undefined ? 'is missing' : `holds other bytes, of sha256 ${found}`}`,
  );
}

async function putOnce(
  objects: Objects,
  name: string,
  bytes: Uint8Array,
  contentType: string,
): Promise<'written' | 'same'> {
  checkObjectName(name);
  if (await objects.putIfAbsent(name, bytes, contentType)) return 'written';
  const there = await objects.get(name);
  if (there !== undefined && Buffer.compare(there, bytes) === 0) return 'same';
  throw new KdxError(
    'CodeBug',
    `${objects.location}/${name} already holds other bytes ` +
      `(${there === undefined ? 'removed meanwhile' : `sha256 ${sha256(there)}`}) than those to be ` +
      `written (sha256 ${sha256(bytes)}); one name must stand for the same bytes`,
  );
}

async function getJson(objects: Objects, name: string): Promise<unknown> {
  checkObjectName(name);
  const bytes = await objects.get(name);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new KdxError(
      'DataMismatch',
      `${objects.location}/${name} is not JSON: ${errorText(cause)}`,
      { cause },
    );
  }
}
