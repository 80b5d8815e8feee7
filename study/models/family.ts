/** Height, width and channels of a feature map. */
export type MapShape = readonly [height: number, width: number, channels: number];

/**
 * What a network lets a distiller read, by shape: f0 (stem), f1 … (ends of the stages), and the
 * embedding in front of the classifier. A tree of experts has neither.
 */
export type FeatureShapes = {
  readonly maps: readonly MapShape[];
  /** Values of the pooled embedding of one image. */
  readonly embedding?: number;
};

/** Models that are built alike: their settings by name, and what follows from them. */
export type Family<Settings> = {
  readonly models: Readonly<Record<string, Settings>>;
  /** @param imageSize height and width of the images, in pixels */
  readonly features: (settings: Settings, imageSize: number) => FeatureShapes;
};

/** Shapes of a stem and of three stages, of which the second and the third halve the map. */
export function stagedFeatures(
  stem: number,
  stages: readonly [number, number, number],
  imageSize: number,
): FeatureShapes {
  const square = (channels: number, divisor: number): MapShape => {
    return [imageSize / divisor, imageSize / divisor, channels];
  };
  const [first, second, third] = stages;
  return {
    maps: [square(stem, 1), square(first, 1), square(second, 2), square(third, 4)],
    embedding: third,
  };
}
