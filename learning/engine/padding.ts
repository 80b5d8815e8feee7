import { tf } from './backend.ts';

/** Zeros around maps, on all four sides alike. */
export function pad(x: tf.Tensor4D, padding: number): tf.Tensor4D {
  if (padding === 0) return x;
  const margin: [number, number] = [padding, padding];
  return tf.pad(x, [[0, 0], margin, margin, [0, 0]]);
}

/** What `pad` was given: maps of `shape` without the padding around them. */
export function crop(x: tf.Tensor4D, padding: number, shape: tf.Tensor4D['shape']): tf.Tensor4D {
  return padding === 0 ? x : tf.slice(x, [0, padding, padding, 0], shape);
}
