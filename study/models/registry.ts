import type { FeatureShapes } from './family.ts';
import { RESNET } from './resnet.ts';
import { WIDE_RESNET } from './wide-resnet.ts';

/**
 * Shapes of what a network of this name lets a distiller read; a test holds them to the networks.
 * A tree of experts has no stages, and so nothing to read.
 *
 * @param imageSize height and width of the images, in pixels
 */
export function featureShapes(model: string, imageSize: number): FeatureShapes {
  const resnet = RESNET.models[model];
  if (resnet !== undefined) return RESNET.features(resnet, imageSize);
  const wideResNet = WIDE_RESNET.models[model];
  if (wideResNet !== undefined) return WIDE_RESNET.features(wideResNet, imageSize);
  return { maps: [] };
}
