import { gunzipSync } from 'node:zlib';

import { errorText, KdxError } from '../../leg/errors.ts';
import { recordBytes } from '../../study/dataset-manifest.ts';
import { infoOf, type DatasetUse } from '../../study/datasets.ts';

/**
 * The images of a set: one byte a channel, [rows, size, size, 3] row-major, of those that are used,
 * and the classes of all of them.
 */
export type ImageSet = {
  /** Images of the whole set. */
  readonly count: number;
  /** Height and width in pixels. */
  readonly imageSize: number;
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
  /** Row of each image in `pixels`, `UNUSED` for those without; absent where all have one, in order. */
  readonly rows?: Uint32Array;
};

/** Row of an image whose pixels are not in memory. */
export const UNUSED = 2 ** 32 - 1;

export const CHANNELS = 3;

/** Bytes that the threads of a process share: a dataset is in memory once. */
function sharedBytes(count: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(count));
}

/** Unpacks a file whose name says that it is packed. @throws KdxError DataMismatch */
export function unpack(name: string, bytes: Uint8Array): Uint8Array {
  if (!name.endsWith('.gz')) return bytes;
  try {
    return gunzipSync(bytes);
  } catch (error) {
    throw new KdxError('DataMismatch', `${name} does not unpack: ${errorText(error)}.`, {
      cause: error,
    });
  }
}

/** A file of a dataset, as far as its records go. */
export type RecordFile = { readonly name: string; readonly records: number };

/**
 * The classes in a file of CIFAR's binary layout: records of label bytes (the last one is the class)
 * and planar red, green and blue.
 *
 * @throws KdxError DataMismatch where the length or a label is not what the dataset has
 */
export function readLabels(
  dataset: DatasetUse,
  { name, records }: RecordFile,
  bytes: Uint8Array,
): Uint8Array {
  const { labelBytes, classes } = infoOf(dataset);
  const stride = recordBytes(dataset);
  if (bytes.length !== records * stride) {
    const wanted = `${records * stride} (${records} records of ${stride})`;
    throw new KdxError(
      'DataMismatch',
      `${dataset.name}: ${name} has ${bytes.length} bytes; wanted ${wanted}.`,
    );
  }
  const labels = Uint8Array.from({ length: records }, (_, record) => {
    return bytes[record * stride + labelBytes - 1] as number;
  });
  const bad = labels.findIndex((label) => label >= classes);
  if (bad < 0) return labels;
  const found = `${name}, record ${bad} has label ${labels[bad]}`;
  throw new KdxError('DataMismatch', `${dataset.name}: ${found}; allowed: 0 to ${classes - 1}.`);
}

/** A set with room for the pixels of some of its images, which are black until they are decoded. */
export function createImageSet(
  dataset: DatasetUse,
  allLabels: Uint8Array,
  used: Uint32Array,
): ImageSet {
  const { imageSize } = infoOf(dataset);
  const count = allLabels.length;
  const pixels = sharedBytes(used.length * imageSize ** 2 * CHANNELS);
  const labels = sharedBytes(count);
  labels.set(allLabels);
  if (used.length === count) return { count, imageSize, pixels, labels };
  const rows = new Uint32Array(new SharedArrayBuffer(count * 4)).fill(UNUSED);
  for (const [row, image] of used.entries()) rows[image] = row;
  return { count, imageSize, pixels, labels, rows };
}

/** Row of an image in `pixels`; undefined where it has none. */
export function rowOf({ count, rows }: ImageSet, image: number): number | undefined {
  if (image >= count) return undefined;
  if (rows === undefined) return image;
  const row = rows[image];
  return row === UNUSED ? undefined : row;
}

/**
 * Decodes the images of a file that a set has room for.
 *
 * @param first which image of the set the file begins with
 */
export function decodeRecords(
  dataset: DatasetUse,
  bytes: Uint8Array,
  set: ImageSet,
  first: number,
): void {
  const stride = recordBytes(dataset);
  const { labelBytes } = infoOf(dataset);
  const plane = set.imageSize ** 2;
  for (let record = 0; record * stride < bytes.length; record += 1) {
    const row = rowOf(set, first + record);
    if (row === undefined) continue;
    const start = record * stride + labelBytes;
    interleave(bytes, start, plane, set.pixels, row * plane * CHANNELS);
  }
}

/** All images of one file. @throws KdxError DataMismatch as `readLabels` does */
export function decodeFile(dataset: DatasetUse, file: RecordFile, bytes: Uint8Array): ImageSet {
  const labels = readLabels(dataset, file, bytes);
  const all = Uint32Array.from(labels, (_, image) => image);
  const set = createImageSet(dataset, labels, all);
  decodeRecords(dataset, bytes, set, 0);
  return set;
}

/** Three planes to three channels a pixel. */
function interleave(
  from: Uint8Array,
  start: number,
  plane: number,
  to: Uint8Array,
  target: number,
): void {
  for (let channel = 0; channel < CHANNELS; channel += 1) {
    const offset = start + channel * plane;
    for (let pixel = 0; pixel < plane; pixel += 1) {
      to[target + pixel * CHANNELS + channel] = from[offset + pixel] as number;
    }
  }
}
