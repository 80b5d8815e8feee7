/** Images, batches and plans for tests, drawn from the project's own random streams. */
import { normalisation } from '../../../learning/data/batches.ts';
import type { Batch, BatchSource } from '../../../learning/data/batch.ts';
import type { BatchPlan } from '../../../learning/data/plan.ts';
import { CHANNELS } from '../../../learning/data/records.ts';
import { stream } from '../../../learning/engine/random.ts';

/** Random images of ten classes. */
export function randomSource(count: number, imageSize = 8): BatchSource {
  const words = stream(5, 'pixels').words((count * imageSize ** 2 * CHANNELS) / 4);
  const pixels = new Uint8Array(words.buffer);
  const labels = Uint8Array.from(stream(5, 'labels').integers(count, 10));
  const set = { count, imageSize, pixels, labels };
  return { set, normalisation: normalisation({ name: 'cifar10' }, 'correct') };
}

/** Two epochs of three batches, the last one short; every second image of the set. */
export function smallPlan(changes: Partial<BatchPlan> = {}): BatchPlan {
  const images = Uint32Array.from({ length: 20 }, (_, index) => 2 * index);
  const augment = { pad: 2, flip: true };
  return { source: randomSource(40), images, batch: 8, epochs: 2, seed: 3, augment, ...changes };
}

/** A batch that stays as it is. */
export function copyOf({ count, images, strong, labels, positions }: Batch): Batch {
  return {
    ...{ count, images: images.slice(), labels: labels.slice(), positions: positions.slice() },
    ...(strong === undefined ? {} : { strong: strong.slice() }),
  };
}
