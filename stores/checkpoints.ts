import type { BlobRef, Checkpoint } from '../leg/result.ts';
import { canonicalJson } from '../study/canonical.ts';
import { isKdxError, KdxError } from '../leg/errors.ts';
import type { ArtifactStore } from './artifacts.ts';
import { blobName, checkpointName, checkpointPrefix } from './names.ts';

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
  const names = await store.list(checkpointPrefix(key));
  const read = await Promise.all(names.map((name) => readCheckpoint(store, name)));
  for (const [index, checkpoint] of read.entries()) {
    if (checkpoint === undefined) warn(`${names[index]} is no checkpoint and is passed over`);
  }
  const checkpoints = read.filter((checkpoint) => checkpoint !== undefined).reverse();
  if (checkpoints.length > 0 || names.length === 0) return checkpoints;
  throw new KdxError('CheckpointCorrupt', `${names.join(', ')}: none is a checkpoint`);
}

/**
 * Writes the manifest of a checkpoint whose parts are stored, then removes all but the newest two.
 * One already there is replaced: it is of the same position, but may be of another device class or
 * have parts that were found bad.
 */
export async function commitCheckpoint(
  store: Pick<ArtifactStore, 'putLatest' | 'list' | 'getJson' | 'remove'>,
  checkpoint: Checkpoint,
): Promise<void> {
  const { key, epoch, step } = checkpoint;
  await store.putLatest(checkpointName(key, epoch, step), Buffer.from(canonicalJson(checkpoint)));
  await discardCheckpoints(store, key, KEPT);
}

/** Removes the checkpoints of a leg but for the newest `kept`, with their tensors. */
export async function discardCheckpoints(
  store: Pick<ArtifactStore, 'list' | 'getJson' | 'remove'>,
  key: string,
  kept: number,
): Promise<void> {
  const names = await store.list(checkpointPrefix(key));
  const split = Math.max(0, names.length - kept);
  if (split === 0) return;
  const states = await Promise.all(names.map((name) => stateOf(store, name)));
  const needed = new Set(states.slice(split));
  for (const [index, name] of names.slice(0, split).entries()) {
    await store.remove(name);
    const state = states[index];
    // Only the state, the bulk of it, is of no one else: an epoch log may be that of a result, too.
    if (state !== undefined && !needed.has(state)) await store.remove(blobName(state));
  }
}

async function stateOf(
  store: Pick<ArtifactStore, 'getJson'>,
  name: string,
): Promise<string | undefined> {
  return (await readCheckpoint(store, name))?.files['state']?.digest;
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
