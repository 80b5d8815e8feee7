import type { FeatureShapes, ModelOptions, Outline, Sizes } from './family.ts';
import { MODELS } from './registry.ts';

export type ModelName = keyof typeof MODELS;
/** A model of any family; the family settles what its settings are. */
export type AnyModel = (typeof MODELS)[ModelName];

export const MODEL_NAMES = Object.keys(MODELS) as readonly string[] as readonly ModelName[];

/** Models that are trees of experts: the only ones an explanation accepts, and no student may be. */
export const EXPLAINER_NAMES = MODEL_NAMES.filter((name) => MODELS[name].isExplainer);

/** The network that a study's model becomes on data of these sizes. */
export function outlineOf(
  { name, ...options }: { readonly name: ModelName } & ModelOptions,
  sizes: Sizes,
): Outline {
  return MODELS[name].outline(sizes, options);
}

/**
 * Shapes of what a network of this name lets a distiller read. A tree of experts has no stages, and
 * so nothing to read.
 *
 * @param imageSize height and width of the images, in pixels
 */
export function featureShapes(name: ModelName, imageSize: number): FeatureShapes {
  return outlineOf({ name }, { classes: 1, imageSize }).features;
}
