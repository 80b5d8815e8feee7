/** PyTorch keeps kernels [out, in, height, width] and [out, in]; here they are the other way round. */
import type { StoredTensor } from '../engine/safetensors.ts';

/** Where each axis of a tensor here comes from in PyTorch's, by its number of axes. */
const AXES: Readonly<Record<number, readonly number[]>> = { 4: [2, 3, 1, 0], 2: [1, 0] };

/** Shape that a tensor of ours has in PyTorch. */
export function publishedShape(shape: readonly number[]): readonly number[] {
  const axes = AXES[shape.length];
  if (axes === undefined) return shape;
  return shape.map((_, there) => shape[axes.indexOf(there)] as number);
}

/** A tensor of PyTorch as it lies here. */
export function fromPublished({ shape, values }: StoredTensor): StoredTensor {
  const axes = AXES[shape.length];
  return axes === undefined ? { shape, values } : permute(shape, values, axes);
}

/** Where each axis of a tensor of PyTorch comes from in ours, by its number of axes. */
const AXES_THERE: Readonly<Record<number, readonly number[]>> = { 4: [3, 2, 0, 1], 2: [1, 0] };

/** A tensor of ours as it lies in PyTorch. */
export function toPublished({ shape, values }: StoredTensor): StoredTensor {
  const axes = AXES_THERE[shape.length];
  return axes === undefined ? { shape, values } : permute(shape, values, axes);
}

function permute(
  shape: readonly number[],
  values: Float32Array,
  axes: readonly number[],
): StoredTensor {
  const strides = shape.map((_, axis) =>
    shape.slice(axis + 1).reduce((product, size) => product * size, 1),
  );
  const permuted = axes.map((axis) => shape[axis] as number);
  const steps = axes.map((axis) => strides[axis] as number);
  const result = new Float32Array(values.length);
  for (let to = 0; to < values.length; to += 1) {
    let rest = to;
    let from = 0;
    for (let axis = permuted.length - 1; axis >= 0; axis -= 1) {
      const size = permuted[axis] as number;
      from += (rest % size) * (steps[axis] as number);
      rest = Math.floor(rest / size);
    }
    result[to] = values[from] as number;
  }
  return { shape: permuted, values: result };
}
