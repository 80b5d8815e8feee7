import type { tf } from '../backend.ts';

/** What the other home of a variable's values has to do about a use on the host. */
export type HostUse = {
  beforeRead(): void;
  afterWrite(): void;
};

/**
 * Makes every use of a variable on the host heard: whatever tfjs does with one, reading, computing,
 * cloning, assigning, it goes by its `dataId`. So no stale value can be read, and no assignment be
 * overlooked. Gives the way back.
 */
export function watchHostUse(variable: tf.Variable, use: HostUse): () => void {
  let { dataId } = variable;
  Object.defineProperty(variable, 'dataId', {
    configurable: true,
    enumerable: true,
    get: () => {
      use.beforeRead();
      return dataId;
    },
    set: (next: typeof dataId) => {
      dataId = next;
      use.afterWrite();
    },
  });
  return () => {
    const plain = { configurable: true, enumerable: true, writable: true, value: dataId };
    Object.defineProperty(variable, 'dataId', plain);
  };
}
