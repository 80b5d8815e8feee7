/** Strong views: what they are drawn from, and each change against what Pillow makes of it. */
import { readFileSync } from 'node:fs';

import test from 'ava';

import { batchMemory } from '../../../learning/data/assembly.ts';
import { augmentedBatch } from '../../../learning/data/batches.ts';
import { brightness, color, contrast, sharpness } from '../../../learning/data/strong/blends.ts';
import {
  autoContrast,
  equalize,
  posterize,
  solarize,
} from '../../../learning/data/strong/levels.ts';
import {
  rotate,
  shearX,
  shearY,
  translateX,
  translateY,
} from '../../../learning/data/strong/moves.ts';
import type { Change, Picture } from '../../../learning/data/strong/picture.ts';
import { CHANGES, cut, strengthened, strongView } from '../../../learning/data/strong/view.ts';
import { stream } from '../../../learning/engine/random.ts';
import { copyOf, randomSource } from './images.ts';

type Made = { readonly name: string; readonly amount: number; readonly bytes: string };
const { size, bytes, made } = JSON.parse(
  readFileSync(new URL('../../fixtures/pillow/pictures.json', import.meta.url), 'utf8'),
) as { size: number; bytes: string; made: Made[] };
const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, 'base64'));
const picture: Picture = { size, bytes: bytesOf(bytes) };

const BY_NAME: Readonly<Record<string, Change>> = {
  ...{ autoContrast, brightness, color, contrast, equalize, posterize, rotate, sharpness },
  ...{ shearX, shearY, solarize, translateX, translateY },
};

for (const { name, amount, bytes: wanted } of made) {
  test(`${name} by ${amount} makes the bytes that Pillow makes`, (t) => {
    const found = BY_NAME[name]?.(picture, amount);
    t.notDeepEqual(found?.bytes, picture.bytes);
    t.deepEqual(found?.bytes, bytesOf(wanted));
  });
}

test('every change but the one that changes nothing is compared with Pillow', (t) => {
  const changes = CHANGES.map(([change]) => change).filter(
    (change) => change(picture, 0.5).bytes !== picture.bytes,
  );
  t.is(changes.length, CHANGES.length - 1);
  t.true(changes.every((change) => Object.values(BY_NAME).includes(change)));
});

test('a channel of one level stays as it is', (t) => {
  const flat = { size: 2, bytes: new Uint8Array(12).fill(77) };
  for (const change of [autoContrast, equalize]) t.deepEqual(change(flat, 0).bytes, flat.bytes);
});

test('a cut is a square of one colour around a point, as far as it lies in the picture', (t) => {
  const white = { size: 6, bytes: new Uint8Array(6 * 6 * 3).fill(255) };
  const places = (side: number, at: readonly [number, number]): string[] => {
    const { bytes: found } = cut(white, side, at);
    return Array.from({ length: 36 }, (_, pixel) => pixel)
      .filter((pixel) => found[3 * pixel] === 125 && found[3 * pixel + 2] === 114)
      .map((pixel) => `${pixel % 6},${Math.floor(pixel / 6)}`);
  };
  t.deepEqual(places(0, [3, 3]), []);
  t.deepEqual(places(1.5, [3.2, 2.2]), ['2,1', '3,1', '2,2', '3,2']);
  t.deepEqual(places(2, [5.9, 0.2]), ['4,0', '5,0', '4,1', '5,1', '4,2', '5,2']);
});

const AUGMENT = { pad: 4, flip: true };
const viewOf = (seed: number, epoch: number, image: number): Uint8Array =>
  strongView(picture, AUGMENT, seed, epoch, image).bytes;

test('a strong view is the same for a seed, an epoch and an image, and for no other', (t) => {
  t.deepEqual(viewOf(1, 2, 3), viewOf(1, 2, 3));
  const others = [viewOf(2, 2, 3), viewOf(1, 3, 3), viewOf(1, 2, 4)];
  for (const other of others) t.notDeepEqual(other, viewOf(1, 2, 3));
});

test('all changes are drawn about as often, and with repetition', (t) => {
  const draws = stream(1, 'test');
  const counts = new Map<number, number>();
  const twice = Array.from({ length: 4000 }, () => {
    const [one = 0, other = 0] = draws.integers(2, CHANGES.length);
    for (const index of [one, other]) counts.set(index, (counts.get(index) ?? 0) + 1);
    return one === other;
  }).filter(Boolean).length;
  t.is(counts.size, CHANGES.length);
  t.true([...counts.values()].every((count) => Math.abs(count - 8000 / 14) < 120));
  t.true(Math.abs(twice - 4000 / 14) < 80);
});

test('a view is what its draws say: two changes by their amounts, and a cut', (t) => {
  for (const name of ['one', 'two', 'three']) {
    const draws = stream(9, name);
    const [one = 0, other = 0] = draws.integers(2, CHANGES.length);
    const amount = (index: number): number => {
      const [, least = 0, most = 0] = CHANGES[index] ?? [];
      return least + (most - least) * (draws.uniform(1)[0] ?? 0);
    };
    const first = CHANGES[one]?.[0](picture, amount(one)) as Picture;
    const second = CHANGES[other]?.[0](first, amount(other)) as Picture;
    const side = (draws.uniform(1)[0] ?? 0) * 0.5 * size;
    const [x = 0, y = 0] = draws.uniform(2);
    t.deepEqual(strengthened(picture, stream(9, name)), cut(second, side, [x * size, y * size]));
  }
});

test('a batch has strong views beside its usual ones, which stay as they are', (t) => {
  const source = randomSource(20);
  const images = Uint32Array.of(3, 11, 4);
  const settings = { ...AUGMENT, seed: 5, epoch: 2 };
  const plain = copyOf(augmentedBatch(source, images, settings));
  const memory = batchMemory(5, source.set, { strong: true });
  const { strong, ...usual } = augmentedBatch(source, images, settings, memory);
  t.deepEqual(copyOf(usual), plain);
  t.is(strong?.length, plain.images.length);
  const values = source.set.imageSize ** 2 * 3;
  for (const [position, image] of images.entries()) {
    const own = source.set.pixels.subarray(image * values, (image + 1) * values);
    const view = strongView({ size: source.set.imageSize, bytes: own }, AUGMENT, 5, 2, image);
    const wanted = Array.from(
      view.bytes,
      (value, at) => source.normalisation[(at % 3) * 256 + value],
    );
    t.deepEqual([...(strong?.subarray(position * values, (position + 1) * values) ?? [])], wanted);
  }
});
