import type { tf } from '../learning/engine/backend.ts';
import type { HelperLayers } from '../learning/engine/helper-layers.ts';
import type { MapShape } from '../study/models/family.ts';
import { mapText } from './maps.ts';

/** Why no regressor leads from one shape to the other; undefined where one does. */
export function impossibleRegression(from: MapShape, to: MapShape): string | undefined {
  const [rows] = from;
  const [wanted] = to;
  if (rows >= wanted || 2 * rows === wanted) return undefined;
  return `its regressor leads from ${mapText(from)} to ${mapText(to)}; allowed: to a map that is not larger, or twice as large`;
}

/**
 * RepDistiller's `ConvReg`, which brings a map to another shape: 3 × 3 of stride 2 where it has twice
 * the size wanted, transposed 4 × 4 of stride 2 where it has half of it, else 1 + H_from − H_to
 * without padding; with bias, then batch norm and ReLU.
 */
export function createRegressor(
  layers: HelperLayers,
  name: string,
  from: MapShape,
  to: MapShape,
): (map: tf.Tensor4D) => tf.Tensor4D {
  const [size, , inputs] = from;
  const [wanted, , outputs] = to;
  const shared = { name, inputs, outputs, size };
  if (size === 2 * wanted) {
    return layers.convolutionNormRelu({ ...shared, kernelSize: 3, stride: 2 });
  }
  if (2 * size === wanted) return layers.transposedNormRelu(shared);
  return layers.convolutionNormRelu({ ...shared, kernelSize: 1 + size - wanted, stride: 1 });
}
