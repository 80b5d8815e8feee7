import { errorText, isKdxError, KdxError } from '../leg/errors.ts';
import type { EpochRecord } from '../leg/records.ts';
import type { Checkpoint } from '../leg/result.ts';
import { canonicalJson } from '../study/canonical.ts';
import type { LegContext } from './context.ts';
import { decodeTensors, encodeTensors } from './engine/safetensors.ts';
import { readState, writeState, type State } from './engine/state.ts';

/** Sums over the images of the epoch under way; in double precision, so that they survive as JSON. */
export type EpochSums = {
  readonly images: number;
  readonly loss: number;
  readonly terms: Readonly<Record<string, number>>;
  readonly correct: number;
};

/** Where a training stands, beside its tensors. */
export type LoopPosition = {
  /** Epochs finished, and steps finished within the one under way. */
  readonly epoch: number;
  readonly step: number;
  readonly sums: EpochSums;
  readonly log: readonly EpochRecord[];
};

/** Nothing has happened in the epoch yet. */
export const NO_SUMS: EpochSums = { images: 0, loss: 0, terms: {}, correct: 0 };
export const START: LoopPosition = { epoch: 0, step: 0, sums: NO_SUMS, log: [] };

/** The epoch log as it is stored: one canonical JSON a line. */
export function epochLines(log: readonly EpochRecord[]): Uint8Array {
  return new TextEncoder().encode(log.map((record) => `${canonicalJson(record)}\n`).join(''));
}

/** Stores everything that going on takes: the parts first, the manifest last. */
export async function saveCheckpoint(
  { ports, key, deviceClass }: LegContext,
  state: State,
  { epoch, step, sums, log }: LoopPosition,
): Promise<void> {
  // With the key in it the blob is this leg's alone, and can go when its checkpoint goes.
  const tensors = encodeTensors({ tensors: readState(state), metadata: { key } });
  const loop = new TextEncoder().encode(canonicalJson({ sums }));
  const files = {
    state: await ports.writeBlob(tensors),
    epochs: await ports.writeBlob(epochLines(log)),
    loop: await ports.writeBlob(loop),
  };
  await ports.commitCheckpoint({ schema: 1, key, epoch, step, deviceClass, files });
}

/**
 * Puts a training back where its newest good checkpoint left it; the start where there is none. A
 * damaged one is passed over for the one before.
 *
 * @throws KdxError CheckpointCorrupt naming all where there are some and none is good
 */
export async function restoreCheckpoint(context: LegContext, state: State): Promise<LoopPosition> {
  const read = (checkpoint: Checkpoint, origin: string): Promise<LoopPosition> =>
    readCheckpoint(context, state, checkpoint, origin);
  return (await newestGood(context, read)) ?? START;
}

/**
 * What `read` makes of the newest good checkpoint of a leg; undefined where there is none. A damaged
 * one is passed over for the one before; one of another device class is used and named.
 *
 * @throws KdxError CheckpointCorrupt naming all where there are some and none is good
 */
export async function newestGood<Position>(
  context: LegContext,
  read: (checkpoint: Checkpoint, origin: string) => Promise<Position>,
): Promise<Position | undefined> {
  const checkpoints = await context.ports.listCheckpoints();
  const damaged: string[] = [];
  for (const checkpoint of checkpoints) {
    const origin = `checkpoint ${checkpoint.epoch}-${checkpoint.step} of ${context.key}`;
    try {
      const position = await read(checkpoint, origin);
      warnOfClass(context, checkpoint, origin);
      for (const message of damaged) context.warn(message);
      return position;
    } catch (error) {
      if (!isDamage(error)) throw error;
      damaged.push(`${origin} is damaged: ${errorText(error)}`);
    }
  }
  if (damaged.length === 0) return undefined;
  throw new KdxError('CheckpointCorrupt', damaged.join('; '));
}

function warnOfClass({ deviceClass, warn }: LegContext, checkpoint: Checkpoint, origin: string) {
  if (canonicalJson(checkpoint.deviceClass) === canonicalJson(deviceClass)) return;
  warn(`${origin} was written in another device class: the result may differ in its last bits`);
}

/** Writes a checkpoint when one is due or a stop was asked for; true where the loop is to stop. */
export function createKeeper<Position>(
  { ports, now, checkpointSeconds }: LegContext,
  save: (position: Position) => Promise<void>,
): (position: Position) => Promise<boolean> {
  let saved = now();
  return async (position) => {
    const stop = ports.stopRequested();
    if (!stop && now() - saved < checkpointSeconds) return false;
    await save(position);
    saved = now();
    return stop;
  };
}

function isDamage(error: unknown): boolean {
  return isKdxError(error) && ['CheckpointCorrupt', 'DataMismatch'].includes(error.code);
}

async function readCheckpoint(
  { ports }: LegContext,
  state: State,
  { epoch, step, files }: Checkpoint,
  origin: string,
): Promise<LoopPosition> {
  const [tensors, epochs, loop] = await Promise.all(
    ['state', 'epochs', 'loop'].map((name) => readPart(files, name, ports.readBlob)),
  );
  const log = parseLines(epochs as Uint8Array, origin) as EpochRecord[];
  const [position] = parseLines(loop as Uint8Array, origin) as [{ sums: EpochSums }];
  if (log.length !== epoch || position?.sums === undefined) {
    throw new KdxError('CheckpointCorrupt', `its log has ${log.length} epochs, not ${epoch}`);
  }
  writeState(state, decodeTensors(tensors as Uint8Array, 'its state').tensors, 'its state');
  return { epoch, step, sums: position.sums, log };
}

/** Bytes of one part of a checkpoint. @throws KdxError CheckpointCorrupt where it names none */
export async function readPart(
  files: Checkpoint['files'],
  name: string,
  readBlob: (digest: string) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const digest = files[name]?.digest;
  if (digest !== undefined) return readBlob(digest);
  throw new KdxError('CheckpointCorrupt', `it names no ${name}`);
}

function parseLines(bytes: Uint8Array, origin: string): unknown[] {
  try {
    const lines = new TextDecoder().decode(bytes).split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as unknown);
  } catch (error) {
    throw new KdxError('CheckpointCorrupt', `${origin} holds no JSON: ${errorText(error)}`);
  }
}
