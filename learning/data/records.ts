import { gunzipSync } from 'node:zlib';

import { errorText, KdxError } from '../../leg/errors.ts';
import { recordBytes } from '../../study/dataset-manifest.ts';
import { DATASETS, type DatasetName } from '../../study/datasets.ts';

/** Images as stored: one byte a channel, [count, size, size, 3] row-major, and their classes. */
export type ImageSet = {
  readonly count: number;
  /** Height and width in pixels. */
  readonly imageSize: number;
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
};

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

/**
 * Reads a file in CIFAR's binary layout: records of label bytes (the last one is the class) and
 * planar red, green and blue.
 *
 * @throws KdxError DataMismatch where the length or a label is not what the dataset has
 */
export function decodeRecords(
  dataset: DatasetName,
  file: { readonly name: string; readonly records: number },
  bytes: Uint8Array,
): ImageSet {
  const { labelBytes, imageSize, classes } = DATASETS[dataset];
  const stride = recordBytes(dataset);
  if (bytes.length !== file.records * stride) {
    const wanted = `${file.records * stride} (${file.records} records of ${stride})`;
    throw new KdxError(
      'DataMismatch',
      `${dataset}: ${file.name} has ${bytes.length} bytes; wanted ${wanted}.`,
    );
  }
  const plane = imageSize ** 2;
  const pixels = sharedBytes(file.records * plane * CHANNELS);
  const labels = sharedBytes(file.records);
  for (let record = 0; record < file.records; record += 1) {
    const start = record * stride + labelBytes;
    const label = bytes[start - 1] as number;
    if (label >= classes) {
      const place = `${file.name}, record ${record}`;
      throw new KdxError(
        'DataMismatch',
        `${dataset}: ${place} has label ${label}; allowed: 0 to ${classes - 1}.`,
      );
    }
    labels[record] = label;
    interleave(bytes, start, plane, pixels, record * plane * CHANNELS);
  }
  return { count: file.records, imageSize, pixels, labels };
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

/** Several files as one set, in order. */
export function concatenate(sets: readonly ImageSet[]): ImageSet {
  const [first] = sets;
  if (first === undefined) throw new TypeError('no image sets to concatenate');
  if (sets.length === 1) return first;
  const count = sets.reduce((sum, set) => sum + set.count, 0);
  const pixels = sharedBytes(count * first.imageSize ** 2 * CHANNELS);
  const labels = sharedBytes(count);
  let position = 0;
  for (const set of sets) {
    pixels.set(set.pixels, position * set.imageSize ** 2 * CHANNELS);
    labels.set(set.labels, position);
    position += set.count;
  }
  return { count, imageSize: first.imageSize, pixels, labels };
}
