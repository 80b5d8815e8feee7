import { setImmediate } from 'node:timers/promises';

import { KdxError } from '../../leg/errors.ts';
import type { LogitsIndex } from '../../leg/records.ts';
import type { BlobRef, Result } from '../../leg/result.ts';
import type { TeachSpec } from '../../study/spec.ts';
import { createKeeper, newestGood, readPart } from '../checkpoints.ts';
import type { LegContext, WorkEnd } from '../context.ts';
import type { Batch } from '../data/batch.ts';
import { augmentedBatch, batchOf } from '../data/batches.ts';
import { loadDataset, type Dataset } from '../data/load.ts';
import { openClassifier } from './onnx.ts';
import { halfBytes, halfRows, indexBytes, parseIndex, toHalf } from './logits.ts';
import { loadNetwork } from '../networks.ts';
import { createPredictor } from '../evaluation/predict.ts';
import { createProgressMeter, paceOf, type ProgressMeter } from '../progress.ts';

/** Images of one forward pass. Not the batch of any student: rows are looked up by image. */
const BATCH = 100;

/** How far a teach leg is. */
type Position = {
  /** The epochs finished. */
  readonly epochs: readonly BlobRef[];
  /** Batches finished of the epoch under way, and its rows: those of the batches to come are zero. */
  readonly step: number;
  readonly rows: Float16Array;
};

/** What a teach leg holds in memory. */
type Teaching = {
  readonly spec: TeachSpec;
  readonly data: Dataset;
  readonly logitsOf: (batch: Batch) => Float32Array | Promise<Float32Array>;
  readonly classes: number;
  dispose(): void | Promise<void>;
};

/**
 * Runs a teacher over every image to train on, as each epoch of a data stream moves it, and stores the
 * logits: one blob an epoch and an index. Asked to stop, it finishes the batch and writes a checkpoint.
 * Batches are always the same ones, so that two runs give the same bytes however often they were stopped.
 *
 * @throws KdxError SpecInvalid where a logit does not fit half precision; DataMismatch,
 *   CheckpointCorrupt, ObjectStore
 */
export async function teach(spec: TeachSpec, context: LegContext): Promise<WorkEnd> {
  const teaching = await openTeaching(spec, context);
  try {
    const start = await restore(teaching, context);
    const meter = createProgressMeter(context, {
      epochs: spec.epochs,
      steps: stepsOf(teaching),
      imagesPerEpoch: spec.dataset.split.train,
    });
    const { position, stopped } = await loop(teaching, context, meter, start);
    meter.flush();
    const pace = paceOf(meter, { epoch: start.epochs.length, step: start.step });
    if (stopped) return { ...pace, outcome: 'stopped' };
    return { ...pace, outcome: 'done', result: await storeResult(teaching, context, position) };
  } finally {
    await teaching.dispose();
  }
}

/** The bytes of some epochs, computed anew and stored nowhere. */
export async function recomputeLogits(
  spec: TeachSpec,
  epochs: readonly number[],
  ports: Pick<LegContext['ports'], 'readBlob'>,
): Promise<ReadonlyMap<number, Uint8Array>> {
  const teaching = await openTeaching(spec, { ports });
  try {
    const bytes = new Map<number, Uint8Array>();
    for (const epoch of epochs) {
      const rows = emptyRows(teaching);
      for (let step = 0; step < stepsOf(teaching); step += 1) {
        await fill(teaching, epoch, step, rows);
      }
      bytes.set(epoch, halfBytes(rows));
    }
    return bytes;
  } finally {
    await teaching.dispose();
  }
}

async function openTeaching(
  spec: TeachSpec,
  { ports }: { readonly ports: Pick<LegContext['ports'], 'readBlob'> },
): Promise<Teaching> {
  const { dataset, engine, teacher } = spec;
  const data = await loadDataset(dataset, ports.readBlob);
  const bytes = await ports.readBlob(teacher.weights);
  if ('onnx' in teacher) return { spec, data, ...(await openClassifier(teacher, spec, bytes)) };
  const { network, ...gated } = loadNetwork(teacher, dataset, bytes);
  const predictor = createPredictor(engine, { network, ...gated });
  return {
    ...{ spec, data, classes: network.options.classes },
    logitsOf: (batch) => predictor.logitsOf(batch),
    dispose: () => {
      predictor.dispose();
      network.dispose();
    },
  };
}

function stepsOf({ data }: Teaching): number {
  return Math.ceil(data.split.train.length / BATCH);
}

function emptyRows({ data, classes }: Teaching): Float16Array {
  return new Float16Array(data.split.train.length * classes);
}

/** Computes the rows of one batch of an epoch. Gives its number of images. */
async function fill(
  teaching: Teaching,
  epoch: number,
  step: number,
  rows: Float16Array,
): Promise<number> {
  const { spec, data, logitsOf, classes } = teaching;
  const images = batchOf(data.split.train, step, BATCH);
  const augment = { ...spec.augment, seed: spec.seeds.data, epoch };
  const logits = await logitsOf(augmentedBatch(data.train, images, augment));
  const { teacher } = spec;
  const name = 'onnx' in teacher ? 'ONNX' : teacher.model.name;
  const place = `the logits of ${name} ${teacher.weights} in epoch ${epoch}`;
  rows.set(toHalf(logits, place), step * BATCH * classes);
  return images.length;
}

async function loop(
  teaching: Teaching,
  context: LegContext,
  meter: ProgressMeter,
  start: Position,
): Promise<{ readonly position: Position; readonly stopped: boolean }> {
  const keep = createKeeper<Position>(context, (at) => save(teaching, context, at));
  let position = start;
  while (position.epochs.length < teaching.spec.epochs) {
    const { epochs, rows } = position;
    const epoch = epochs.length + 1;
    for (let { step } = position; step < stepsOf(teaching);) {
      const images = await fill(teaching, epoch, step, rows);
      step += 1;
      meter.advance({ epoch, step, images });
      // Signals and the closing of the parent's channel are heard here.
      await setImmediate();
      if (await keep({ epochs, step, rows })) return { position, stopped: true };
    }
    const blob = await context.ports.writeBlob(halfBytes(rows));
    position = { epochs: [...epochs, blob], step: 0, rows: emptyRows(teaching) };
  }
  return { position, stopped: false };
}

function indexOf({ spec, data, classes }: Teaching, epochs: readonly BlobRef[]): LogitsIndex {
  const { dataset, teacher, augment, seeds } = spec;
  const shape = [data.split.train.length, classes] as const;
  const stream = { dataset, teacher, augment, seeds };
  return { schema: 1, dtype: 'float16', shape, stream, epochs };
}

/** Stores what is done: the finished epochs by their index, and the rows of the one under way. */
async function save(
  teaching: Teaching,
  { ports, key, deviceClass }: LegContext,
  { epochs, step, rows }: Position,
): Promise<void> {
  // A copy: the loop may go on filling the rows while they are being stored.
  const done = halfBytes(rows.slice(0, step * BATCH * teaching.classes));
  const files = {
    state: await ports.writePart(done),
    index: await ports.writePart(indexBytes(indexOf(teaching, epochs))),
  };
  await ports.commitCheckpoint({ schema: 1, key, epoch: epochs.length, step, deviceClass, files });
}

async function restore(teaching: Teaching, context: LegContext): Promise<Position> {
  const found = await newestGood(context, async ({ epoch, step, files }): Promise<Position> => {
    const rows = emptyRows(teaching);
    const count = Math.min(rows.length, step * BATCH * teaching.classes);
    const state = await readPart(files, 'state', context.ports);
    rows.set(halfRows(state, count, 'its state'));
    const { epochs } = parseIndex(await readPart(files, 'index', context.ports), 'its index');
    if (epochs.length === epoch) return { epochs, step, rows };
    throw new KdxError('CheckpointCorrupt', `its index has ${epochs.length} epochs, not ${epoch}`);
  });
  return found ?? { epochs: [], step: 0, rows: emptyRows(teaching) };
}

async function storeResult(
  teaching: Teaching,
  { key, ports }: LegContext,
  { epochs }: Position,
): Promise<Result> {
  const logits = await ports.writeBlob(indexBytes(indexOf(teaching, epochs)));
  const metrics = {
    'logits.bytes': epochs.reduce((sum, { bytes }) => sum + bytes, 0),
    'logits.rows': epochs.length * teaching.data.split.train.length,
  };
  return { schema: 1, key, spec: teaching.spec, status: 'complete', metrics, files: { logits } };
}
