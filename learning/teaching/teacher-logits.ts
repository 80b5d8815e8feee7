import { KdxError } from '../../leg/errors.ts';
import type { LogitsIndex } from '../../leg/records.ts';
import { canonicalJson } from '../../study/canonical.ts';
import type { TrainSpec } from '../../study/spec.ts';
import type { Dataset } from '../data/load.ts';
import { halfRows, parseIndex } from './logits.ts';
import type { LegPorts } from '../../leg/ports.ts';

/** The logits of one epoch for some images of the train set, row by row. */
export type LogitsOf = (images: Uint32Array) => Float32Array;

/** A teacher's logits, computed beforehand by a teach leg. */
export type TeacherLogits = {
  readonly classes: number;
  /** Reads what the teacher says in one epoch, from 1; only one epoch is ever held. */
  readonly epoch: (epoch: number) => Promise<LogitsOf>;
};

/**
 * Opens the logits that a training names; undefined where it names none. Every byte is read by its
 * digest, and the index says what it is of.
 *
 * @throws KdxError DataMismatch where they are not those of this training's images
 */
export async function openTeacherLogits(
  spec: TrainSpec,
  data: Dataset,
  { readBlob }: Pick<LegPorts, 'readBlob'>,
): Promise<TeacherLogits | undefined> {
  const digest = spec.teacher?.logits;
  if (digest === undefined) return undefined;
  const index = parseIndex(await readBlob(digest), `logits ${digest}`);
  checkStream(index, spec, digest);
  const [images, classes] = index.shape;
  const rowOf = new Map([...data.split.train].map((image, row) => [image, row]));
  return {
    classes,
    epoch: async (epoch) => {
      const blob = index.epochs[epoch - 1]?.digest ?? '';
      const rows = halfRows(await readBlob(blob), images * classes, `logits ${blob}`);
      return (wanted) => gather(rows, rowOf, wanted, classes);
    },
  };
}

function gather(
  rows: Float16Array,
  rowOf: ReadonlyMap<number, number>,
  images: Uint32Array,
  classes: number,
): Float32Array {
  const logits = new Float32Array(images.length * classes);
  for (const [position, image] of images.entries()) {
    const row = rowOf.get(image);
    if (row === undefined) throw new KdxError('CodeBug', `Image ${image} is not trained on.`);
    logits.set(rows.subarray(row * classes, (row + 1) * classes), position * classes);
  }
  return logits;
}

/** Holds the index against the training: same images, moved alike, same teacher, all epochs. */
function checkStream({ stream, shape, epochs }: LogitsIndex, spec: TrainSpec, digest: string) {
  const { dataset, teacher, train, seeds } = spec;
  const { logits: _logits, ...trained } = teacher ?? {};
  const wanted = {
    dataset,
    teacher: trained,
    augment: train.augment,
    seeds: { data: seeds.data },
  };
  const found = canonicalJson(stream);
  const origin = `teacher.logits ${digest}`;
  if (found !== canonicalJson(wanted)) {
    const message = `${origin} is of ${found}; wanted ${canonicalJson(wanted)}.`;
    throw new KdxError('DataMismatch', message);
  }
  if (epochs.length < train.epochs || shape[0] !== dataset.split.train) {
    const message = `${origin} has ${epochs.length} epochs of ${shape[0]} images; wanted ${train.epochs} of ${dataset.split.train}.`;
    throw new KdxError('DataMismatch', message);
  }
}
