import type { Moments } from './moments.ts';

/**
 * Normalisations that others use, by the channel, beside the one of the images themselves.
 * ImageNet's, as torchvision's weights want it.
 */
export const IMAGENET: Moments = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Tiny-ImageNet's as mdistiller has it: its deviation is less than that of all pixels. */
export const TINY_IMAGENET: Moments = {
  mean: [0.4802, 0.4481, 0.3975],
  std: [0.2302, 0.2265, 0.2262],
};
