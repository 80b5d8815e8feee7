import { squareMap, type LayerShape, type MapShape } from './family.ts';

/** A 1 × 1 convolution, or a linear layer. */
export function pointwiseLayer(
  size: number,
  inputs: number,
  outputs: number,
  groups = 1,
): LayerShape {
  return { size, kernelSize: 1, inputs: inputs / groups, outputs };
}

/** Maps of a stem, and of stages that halve the map each. */
export function halvedFeatures(
  imageSize: number,
  stem: number,
  stages: readonly number[],
): { readonly maps: readonly MapShape[] } {
  const maps = stages.map((channels, stage) => squareMap(imageSize / 2 ** (stage + 1), channels));
  return { maps: [squareMap(imageSize, stem), ...maps] };
}
