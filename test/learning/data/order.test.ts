import test from 'ava';

import { placementOf } from '../../../learning/data/augment.ts';
import { augmentedBatch, batchOf, epochOrder } from '../../../learning/data/batches.ts';
import type { Batch } from '../../../learning/data/batch.ts';
import { copyOf, randomSource } from './images.ts';

const IMAGES = Uint32Array.from({ length: 48 }, (_, index) => 47 - index);
const augment = { pad: 2, flip: true, seed: 3, epoch: 5 };
const source = randomSource(48);

/** One epoch in batches of a size, from an image on. */
function epochFrom(batch: number, first = 0): readonly Batch[] {
  const order = epochOrder(IMAGES, augment.seed, augment.epoch);
  const steps = Array.from({ length: IMAGES.length / batch }, (_, step) => step);
  return steps
    .slice(first / batch)
    .map((step) => copyOf(augmentedBatch(source, batchOf(order, step, batch), augment)));
}

const pixelsOf = (batches: readonly Batch[]): number[] => {
  return batches.flatMap(({ images }) => [...images]);
};

test('an epoch shows every image once, in an order of its own', (t) => {
  const orders = [1, 2, 3].map((epoch) => [...epochOrder(IMAGES, 3, epoch)]);
  for (const order of orders) {
    t.deepEqual(
      order.toSorted((a, b) => a - b),
      [...IMAGES].reverse(),
    );
  }
  t.is(new Set(orders.map(String)).size, 3);
  t.notDeepEqual([...epochOrder(IMAGES, 4, 1)], orders[0]);
});

test('images are moved alike in batches of whatever size', (t) => {
  const whole = pixelsOf(epochFrom(48));
  for (const batch of [1, 8, 24]) t.deepEqual(pixelsOf(epochFrom(batch)), whole);
});

test('images are moved alike by an epoch that is entered in its middle', (t) => {
  const whole = epochFrom(8);
  t.deepEqual(pixelsOf(epochFrom(8, 32)), pixelsOf(whole.slice(4)));
});

test('how an image is moved depends on seed, epoch and image, and on nothing else', (t) => {
  const places: string[] = [];
  for (const seed of [1, 2]) {
    for (const epoch of [1, 2]) {
      for (let image = 0; image < 50; image += 1) {
        const place = placementOf({ pad: 4, flip: true }, seed, epoch, image);
        t.deepEqual(placementOf({ pad: 4, flip: true }, seed, epoch, image), place);
        t.deepEqual(
          placementOf({ pad: 4, flip: false }, seed, epoch, image),
          { ...place, flipped: false },
          'a crop is the same with and without mirrors',
        );
        places.push(JSON.stringify(place));
      }
    }
  }
  const [a, b, c, d] = [0, 50, 100, 150].map((first) => places.slice(first, first + 50).join());
  t.is(new Set([a, b, c, d]).size, 4);
});

test('crops reach every shift within the padding, and half of the images are mirrored', (t) => {
  const placements = Array.from({ length: 2000 }, (_, image) =>
    placementOf({ pad: 2, flip: true }, 1, 1, image),
  );
  for (const side of ['top', 'left'] as const) {
    const shifts = new Set(placements.map((placement) => placement[side]));
    t.deepEqual(
      [...shifts].toSorted((a, b) => a - b),
      [-2, -1, 0, 1, 2],
    );
  }
  const mirrored = placements.filter(({ flipped }) => flipped).length;
  // Five standard deviations of a fair coin.
  t.true(Math.abs(mirrored - 1000) < 5 * Math.sqrt(500), String(mirrored));
});
