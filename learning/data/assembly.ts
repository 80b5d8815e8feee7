import { KdxError } from '../../leg/errors.ts';
import type { Placement } from './augment.ts';
import type { Batch, BatchSource, Normalisation } from './batch.ts';
import { CHANNELS, rowOf, type ImageSet } from './records.ts';
import type { Picture } from './strong/picture.ts';

/** Values a byte can have: the length of one channel's table. */
const BYTE_VALUES = 256;

/** Where a batch is put; each array has at least the length that the batch needs. */
export type BatchMemory = {
  readonly images: Float32Array;
  /** Where batches have strong views. */
  readonly strong?: Float32Array;
  readonly labels: Int32Array;
  readonly positions: Uint32Array;
};

/** What memory is for. */
export type MemoryOptions = {
  /** Shared between threads. */
  readonly share?: boolean;
  /** With room for strong views. */
  readonly strong?: boolean;
};

/** Memory for batches of up to `count` images. */
export function batchMemory(
  count: number,
  { imageSize }: ImageSet,
  { share = false, strong = false }: MemoryOptions = {},
): BatchMemory {
  const buffer = (bytes: number): ArrayBufferLike =>
    share ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
  const pixels = (): Float32Array =>
    new Float32Array(buffer(count * imageSize ** 2 * CHANNELS * 4));
  return {
    images: pixels(),
    ...(strong ? { strong: pixels() } : {}),
    labels: new Int32Array(buffer(count * 4)),
    positions: new Uint32Array(buffer(count * 4)),
  };
}

/** The part of `memory` that a batch of `count` images takes. */
export function batchIn(memory: BatchMemory, count: number, { imageSize }: ImageSet): Batch {
  const values = count * imageSize ** 2 * CHANNELS;
  const { strong } = memory;
  return {
    count,
    images: memory.images.subarray(0, values),
    ...(strong === undefined ? {} : { strong: strong.subarray(0, values) }),
    labels: memory.labels.subarray(0, count),
    positions: memory.positions.subarray(0, count),
  };
}

/** Puts images into `memory`, each shifted, mirrored and normalised. @throws KdxError CodeBug */
export function assemble(
  { set, normalisation }: BatchSource,
  positions: Uint32Array,
  placement: (image: number) => Placement,
  memory: BatchMemory,
): Batch {
  const values = set.imageSize ** 2 * CHANNELS;
  for (let position = 0; position < positions.length; position += 1) {
    const image = positions[position] as number;
    const row = requireRow(set, image);
    move(set, row, normalisation, placement(image), memory.images, position * values);
    memory.labels[position] = set.labels[image] as number;
  }
  memory.positions.set(positions);
  return batchIn(memory, positions.length, set);
}

/** @throws KdxError CodeBug where an image is not in memory */
function requireRow(set: ImageSet, image: number): number {
  const row = rowOf(set, image);
  if (row !== undefined) return row;
  const why = image < set.count ? 'the split does not use it' : `the set has ${set.count}`;
  throw new KdxError('CodeBug', `image ${image} is asked for; ${why}.`);
}

/** Puts views of images into `to`, each made of its bytes and normalised. @throws KdxError CodeBug */
export function assembleViews(
  { set, normalisation }: BatchSource,
  positions: Uint32Array,
  viewOf: (picture: Picture, image: number) => Picture,
  to: Float32Array,
): void {
  const { imageSize: size, pixels } = set;
  const values = size ** 2 * CHANNELS;
  for (const [position, image] of positions.entries()) {
    const row = requireRow(set, image);
    const bytes = pixels.subarray(row * values, (row + 1) * values);
    const view = viewOf({ size, bytes }, image);
    normalise(view.bytes, 0, CHANNELS, normalisation, to, position * values, size ** 2);
  }
}

/** Moves the image of one row to `start`; what comes in from outside is black, as padding is. */
function move(
  { imageSize: size, pixels }: ImageSet,
  imageRow: number,
  table: Normalisation,
  { top, left, flipped }: Placement,
  to: Float32Array,
  start: number,
): void {
  // Columns of the target whose source lies within the image.
  const shift = flipped ? -left : left;
  const first = Math.min(size, Math.max(0, -shift));
  const end = Math.max(first, Math.min(size, size - shift));
  const stride = flipped ? -CHANNELS : CHANNELS;
  for (let y = 0; y < size; y += 1) {
    const row = start + y * size * CHANNELS;
    const sourceY = y + top;
    if (sourceY < 0 || sourceY >= size) {
      blacken(to, row, size, table);
      continue;
    }
    blacken(to, row, first, table);
    const sourceX = (flipped ? size - 1 - first : first) + left;
    const source = ((imageRow * size + sourceY) * size + sourceX) * CHANNELS;
    normalise(pixels, source, stride, table, to, row + first * CHANNELS, end - first);
    blacken(to, row + end * CHANNELS, size - end, table);
  }
}

/** One row of pixels, from left to right or from right to left. */
function normalise(
  from: Uint8Array,
  source: number,
  stride: number,
  table: Normalisation,
  to: Float32Array,
  target: number,
  pixels: number,
): void {
  const end = target + pixels * CHANNELS;
  for (let at = target, pixel = source; at < end; at += CHANNELS, pixel += stride) {
    to[at] = table[from[pixel] as number] as number;
    to[at + 1] = table[BYTE_VALUES + (from[pixel + 1] as number)] as number;
    to[at + 2] = table[2 * BYTE_VALUES + (from[pixel + 2] as number)] as number;
  }
}

function blacken(to: Float32Array, target: number, pixels: number, table: Normalisation): void {
  const end = target + pixels * CHANNELS;
  for (let at = target; at < end; at += CHANNELS) {
    to[at] = table[0] as number;
    to[at + 1] = table[BYTE_VALUES] as number;
    to[at + 2] = table[2 * BYTE_VALUES] as number;
  }
}
