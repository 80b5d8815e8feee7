import { tf } from './backend.ts';
import { averageOfNeighbours } from './depthwise.ts';
import { hasNativeOperations } from './native.ts';
import { pad } from './padding.ts';

/** Maximum over 2 × 2 windows, stride 2. */
export function maxPool(x: tf.Tensor4D): tf.Tensor4D {
  return tf.maxPool(x, 2, 2, 'valid');
}

/** Mean over 3 × 3 windows, stride 2, with a margin of one zero that the mean counts. */
export function averagePool(x: tf.Tensor4D): tf.Tensor4D {
  if (hasNativeOperations()) return averageOfNeighbours(x, 2);
  return tf.avgPool(pad(x, 1), 3, 2, 'valid');
}

/** Mean over height and width: [B, H, W, C] → [B, C]. */
export function globalAveragePool(x: tf.Tensor4D): tf.Tensor2D {
  return tf.mean<tf.Tensor2D>(x, [1, 2]);
}

/**
 * Adaptive average pooling of one axis as a matrix [to, from]: row i is the mean over the window
 * [⌊i·from/to⌋, ⌈(i+1)·from/to⌉), PyTorch's rule, which also holds where `to` exceeds `from`.
 */
export function adaptivePoolMatrix(from: number, to: number): number[][] {
  return Array.from({ length: to }, (_, i) => {
    const start = Math.floor((i * from) / to);
    const end = Math.ceil(((i + 1) * from) / to);
    return Array.from({ length: from }, (_, j) => (j >= start && j < end ? 1 / (end - start) : 0));
  });
}

/**
 * The same for a square map, as one matrix [from², to²] that multiplies flattened rows from the
 * right: entry (y·from + x, v·to + u) is q[v][y] · q[u][x].
 */
export function adaptivePoolMatrix2d(from: number, to: number): tf.Tensor2D {
  const q = adaptivePoolMatrix(from, to);
  const transposed = tf.transpose(tf.tensor2d(q));
  const rows = tf.reshape(transposed, [from, 1, to, 1]);
  const columns = tf.reshape(transposed, [1, from, 1, to]);
  return tf.reshape(tf.mul(rows, columns), [from * from, to * to]);
}
