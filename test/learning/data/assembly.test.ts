import test from 'ava';

import { placementOf, type AugmentOptions } from '../../../learning/data/augment.ts';
import { augmentedBatch, plainBatch } from '../../../learning/data/batches.ts';
import type { BatchSource } from '../../../learning/data/batch.ts';
import { CHANNELS } from '../../../learning/data/records.ts';
import { randomSource } from './images.ts';

const POSITIONS = Uint32Array.of(7, 0, 31, 2, 19, 19, 4, 30, 11, 1);

/** One value of an image moved as the words say: padded, cropped, then mirrored. */
function valueAt(
  { set, normalisation }: BatchSource,
  image: number,
  { top, left, flipped }: ReturnType<typeof placementOf>,
  [y, x, channel]: readonly [number, number, number],
): number {
  const size = set.imageSize;
  const sourceY = y + top;
  const sourceX = (flipped ? size - 1 - x : x) + left;
  const outside = Math.min(sourceY, sourceX) < 0 || Math.max(sourceY, sourceX) >= size;
  const offset = ((image * size + sourceY) * size + sourceX) * CHANNELS + channel;
  const byte = outside ? 0 : (set.pixels[offset] as number);
  return normalisation[channel * 256 + byte] as number;
}

function expected(source: BatchSource, augment: AugmentOptions, seed: number, epoch: number) {
  const { imageSize: size } = source.set;
  return Float32Array.from({ length: POSITIONS.length * size ** 2 * CHANNELS }, (_, index) => {
    const channel = index % CHANNELS;
    const pixel = (index - channel) / CHANNELS;
    const x = pixel % size;
    const y = Math.floor(pixel / size) % size;
    const image = POSITIONS[Math.floor(pixel / size ** 2)] as number;
    return valueAt(source, image, placementOf(augment, seed, epoch, image), [y, x, channel]);
  });
}

for (const pad of [0, 1, 4, 16]) {
  for (const flip of [false, true]) {
    test(`images padded by ${pad}${flip ? ' and mirrored' : ''} are moved value by value`, (t) => {
      // A pad of 16 in images of 8 pixels moves whole images out of sight.
      const source = randomSource(32);
      const augment = { pad, flip };
      const batch = augmentedBatch(source, POSITIONS, { ...augment, seed: 4, epoch: 2 });
      t.deepEqual(batch.images, expected(source, augment, 4, 2));
    });
  }
}

test('a batch names its images, with their labels, in the order asked for', (t) => {
  const source = randomSource(32);
  for (const batch of [
    plainBatch(source, POSITIONS),
    augmentedBatch(source, POSITIONS, { pad: 2, flip: true, seed: 1, epoch: 1 }),
  ]) {
    t.is(batch.count, POSITIONS.length);
    t.deepEqual(batch.positions, POSITIONS);
    const labels = [...POSITIONS].map((image) => source.set.labels[image] as number);
    t.deepEqual([...batch.labels], labels);
  }
});

test('an image that the set does not have is refused', (t) => {
  const source = randomSource(32);
  const error = t.throws(() => plainBatch(source, Uint32Array.of(3, 32)));
  t.is(error.message, 'image 32 is asked for; the set has 32.');
});
