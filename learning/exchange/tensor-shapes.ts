import { MODELS } from '../../study/models/registry.ts';
import type { ModelName } from '../../study/models/models.ts';
import { buildNetwork } from '../models/build.ts';
import { networkState } from '../engine/state.ts';
import type { Initialiser } from '../engine/network.ts';

/** Images of a size that every model takes; no tensor's shape depends on it. */
export const IMAGE_SIZE = 32;

const zeros: Initialiser = (_, shape) =>
  new Float32Array(shape.reduce((product, size) => product * size, 1));

/** Shapes of all tensors of a network by name: weights and running statistics. */
export function tensorShapes(
  model: ModelName,
  classes: number,
): ReadonlyMap<string, readonly number[]> {
  const network = buildNetwork({ model, classes, imageSize: IMAGE_SIZE }, zeros);
  const shapes = new Map([...networkState(network)].map(([name, { shape }]) => [name, shape]));
  network.dispose();
  return shapes;
}

/** Models that have names outside of this project: all but the explainers. */
export const PUBLISHED_MODELS = (
  Object.keys(MODELS) as readonly string[] as readonly ModelName[]
).filter((name) => !MODELS[name].isExplainer);
