import type { BlobRef, Checkpoint } from '../leg/result.ts';
import { canonicalJson } from '../study/canonical.ts';
import { isKdxError, KdxError } from '../leg/errors.ts';
import { sha256, type ArtifactStore } from './artifacts.ts';
import { checkpointName, checkpointPrefix, partName } from './names.ts';

const DIGEST = /^[0-9a-f]{64}$/;
/** The newest may turn out bad; then there is the one before. */
const KEPT = 2;

/**
 * Checkpoint manifests of a leg, newest first; those that cannot be read as such are left out, with a
 * warning. Throws `CheckpointCorrupt` where there are some and none can be read.
 */
export async function listCheckpoints(
  store: Pick<ArtifactStore, 'list' | 'getJson'>,
  key: string,
  warn: (message: string) => void,
): Promise<readonly Checkpoint[]> {
  const names = await checkpointNames(store, key);
  const read = await Promise.all(names.map((name) => readCheckpoint(store, name)));
  for (const [index, checkpoint] of read.entries()) {
    if (checkpoint === undefined) warn(`${names[index]} is no checkpoint and is passed over`);
  }
  const checkpoints = read.filter((checkpoint) => checkpoint !== undefined).reverse();
  if (checkpoints.length > 0 || names.length === 0) return checkpoints;
  throw new KdxError('CheckpointCorrupt', `${names.join(', ')}: none is a checkpoint`);
}

/** Bytes of a part. Throws `DataMismatch` when they are missing or not those of the digest. */
export async function readPart(
  store: Pick<ArtifactStore, 'get' | 'location'>,
  key: string,
  digest: string,
): Promise<Uint8Array> {
  const name = partName(key, digest);
  const bytes = await store.get(name);
  if (bytes !== undefined && sha256(bytes) === digest) return bytes;
  const found =
    bytes === undefined ? 'is missing' : `holds other bytes, of sha256 ${sha256(bytes)}`;
  throw new KdxError('DataMismatch', `${store.location}/${name} ${found}`);
}

/** Stores a part of a checkpoint to come. One already there is replaced: it may have been found bad. */
export async function writePart(
  store: Pick<ArtifactStore, 'putLatest'>,
  key: string,
  bytes: Uint8Array,
): Promise<BlobRef> {
  const digest = sha256(bytes);
  await store.putLatest(partName(key, digest), bytes, 'application/octet-stream');
  return { digest, bytes: bytes.byteLength };
}

/**
 * Writes the manifest of a checkpoint whose parts are stored, then removes all but the newest two, and
 * of the parts those behind them and those that this process has `written` and no longer needs: another
 * process may be about to commit what it has stored.
 * One already there is replaced: it is of the same position, but may be of another device class or
 * have parts that were found bad.
 */
export async function commitCheckpoint(
  store: Pick<ArtifactStore, 'putLatest' | 'list' | 'getJson' | 'remove'>,
  checkpoint: Checkpoint,
  written: Set<string>,
): Promise<void> {
  const { key, epoch, step } = checkpoint;
  await store.putLatest(checkpointName(key, epoch, step), Buffer.from(canonicalJson(checkpoint)));
  const names = await checkpointNames(store, key);
  const split = Math.max(0, names.length - KEPT);
  const manifests = await Promise.all(names.map((name) => readCheckpoint(store, name)));
  const needed = new Set(manifests.slice(split).flatMap(digestsOf));
  const old = new Set([...manifests.slice(0, split).flatMap(digestsOf), ...written]);
  for (const name of names.slice(0, split)) await store.remove(name);
  for (const digest of old) {
    if (needed.has(digest)) continue;
    await store.remove(partName(key, digest));
    written.delete(digest);
  }
}

/** Removes all that a leg has left on its way, once its result is there. */
export async function discardCheckpoints(
  store: Pick<ArtifactStore, 'list' | 'remove'>,
  key: string,
): Promise<void> {
  // Manifests sort before their parts and go first: none is ever without them.
  for (const name of await store.list(checkpointPrefix(key))) await store.remove(name);
}

/** Names of the manifests of a leg's checkpoints, oldest first. */
export async function checkpointNames(
  store: Pick<ArtifactStore, 'list'>,
  key: string,
): Promise<readonly string[]> {
  // Parts have no ending.
  return (await store.list(checkpointPrefix(key))).filter((name) => name.endsWith('.json'));
}

function digestsOf(checkpoint: Checkpoint | undefined): readonly string[] {
  return Object.values(checkpoint?.files ?? {}).map(({ digest }) => digest);
}

async function readCheckpoint(
  store: Pick<ArtifactStore, 'getJson'>,
  name: string,
): Promise<Checkpoint | undefined> {
  try {
    const value = await store.getJson(name);
    return isCheckpoint(value) && checkpointName(value.key, value.epoch, value.step) === name
      ? value
      : undefined;
  } catch (error) {
    if (isKdxError(error) && error.code === 'DataMismatch') return undefined;
    throw error;
  }
}

function isCheckpoint(value: unknown): value is Checkpoint {
  if (typeof value !== 'object' || value === null) return false;
  const { schema, key, epoch, step, deviceClass, files } = value as Unchecked<Checkpoint>;
  return (
    schema === 1 &&
    typeof key === 'string' &&
    Number.isInteger(epoch) &&
    Number.isInteger(step) &&
    typeof deviceClass === 'object' &&
    typeof files === 'object' &&
    files !== null &&
    Object.values(files).every(isReference)
  );
}

type Unchecked<Value> = Partial<Record<keyof Value, unknown>>;

function isReference(value: unknown): value is BlobRef {
  if (typeof value !== 'object' || value === null) return false;
  const { digest, bytes } = value as Unchecked<BlobRef>;
  return typeof digest === 'string' && DIGEST.test(digest) && typeof bytes === 'number';
}
