import { tf } from '../engine/backend.ts';
import { batchOf, plainBatch } from './batches.ts';
import type { BatchSource } from './batch.ts';
import { CHANNELS } from './records.ts';

/** A batch as a step takes it. */
export type FedBatch = {
  readonly images: tf.Tensor4D;
  readonly labels: Int32Array;
  readonly count: number;
};

/** Batches of images as they are. The same images every time: so those that fit are made once. */
export type KeptBatches = {
  /** Lends batch `step` of `images` to `use`. */
  lend<Value>(
    source: BatchSource,
    images: Uint32Array,
    step: number,
    use: (batch: FedBatch) => Value,
  ): Value;
  dispose(): void;
};

/**
 * @param batch images of a batch
 * @param mostBytes what is kept at most; what does not fit is made anew each time
 */
export function createKeptBatches(batch: number, mostBytes: number): KeptBatches {
  // By the list of images: a training evaluates the same lists after every epoch.
  const kept = new Map<Uint32Array, FedBatch[]>();
  let bytes = 0;
  return {
    lend: (source, images, step, use) => {
      const known = kept.get(images)?.[step];
      if (known !== undefined) return use(known);
      const made = makeBatch(source, batchOf(images, step, batch));
      const size = made.images.size * Float32Array.BYTES_PER_ELEMENT;
      if (bytes + size > mostBytes) {
        try {
          return use(made);
        } finally {
          made.images.dispose();
        }
      }
      bytes += size;
      const list = kept.get(images) ?? [];
      list[step] = made;
      kept.set(images, list);
      return use(made);
    },
    dispose: () => {
      for (const list of kept.values()) tf.dispose(list.map(({ images }) => images));
      kept.clear();
    },
  };
}

function makeBatch(source: BatchSource, images: Uint32Array): FedBatch {
  const { count, images: pixels, labels } = plainBatch(source, images);
  const { imageSize } = source.set;
  return { count, labels, images: tf.tensor4d(pixels, [count, imageSize, imageSize, CHANNELS]) };
}
