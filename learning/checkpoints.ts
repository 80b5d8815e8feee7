import { setTimeout as sleep } from 'node:timers/promises';

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
  // Taken before the first wait: the training may go on while its checkpoint is being stored.
  const tensors = encodeTensors({ tensors: readState(state), metadata: { key } });
  const lines = epochLines(log);
  const loop = new TextEncoder().encode(canonicalJson({ sums }));
  const files = {
    state: await ports.writePart(tensors),
    epochs: await ports.writePart(lines),
    loop: await ports.writePart(loop),
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

/** How long a loop waits for a checkpoint to be stored before it goes on beside it. */
const PATIENCE_SECONDS = 5;
/** A leg that has been able to store nothing for so long ends: another host may do better. */
const UNREACHABLE_SECONDS = 1800;

/**
 * Writes a checkpoint when one is due or a stop was asked for; true where the loop is to stop. While the
 * store is away the loop goes on, and tries again with the position it has come to.
 *
 * @throws KdxError ObjectStore where nothing could be stored for half an hour, or at a stop; any other
 *   failure of `save` at once
 */
export function createKeeper<Place>(
  { ports, now, checkpointSeconds, warn }: LegContext,
  save: (position: Place) => Promise<void>,
): (position: Place) => Promise<boolean> {
  let saved = now();
  let tried = saved;
  let underWay: Promise<void> | undefined;
  let failure: Error | undefined;
  const start = (position: Place): Promise<void> => {
    tried = now();
    underWay = save(position)
      .then(
        () => {
          saved = tried;
          failure = undefined;
        },
        (error: unknown) => {
          failure = error instanceof Error ? error : new Error(String(error));
        },
      )
      .finally(() => {
        underWay = undefined;
      });
    return underWay;
  };
  const check = (): void => {
    if (failure === undefined) return;
    const lasting = !isKdxError(failure) || failure.code !== 'ObjectStore';
    if (lasting || now() - saved > UNREACHABLE_SECONDS) throw failure;
    warn(`the checkpoint is not stored yet: ${errorText(failure)}`);
    failure = undefined;
  };
  return async (position) => {
    if (ports.stopRequested()) {
      await underWay;
      await start(position);
      if (failure !== undefined) throw failure;
      return true;
    }
    check();
    if (underWay !== undefined || now() - tried < checkpointSeconds) return false;
    const patience = new AbortController();
    const waited = sleep(PATIENCE_SECONDS * 1000, undefined, { signal: patience.signal });
    await Promise.race([start(position), waited.catch(() => undefined)]);
    patience.abort();
    check();
    return false;
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
    ['state', 'epochs', 'loop'].map((name) => readPart(files, name, ports)),
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
  ports: Pick<LegContext['ports'], 'readPart'>,
): Promise<Uint8Array> {
  const digest = files[name]?.digest;
  if (digest !== undefined) return ports.readPart(digest);
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
