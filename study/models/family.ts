import type { Heads } from '../catalog.ts';

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

/** A convolution or linear layer (size and kernel 1), as far as its cost and its memory go. */
export type LayerShape = {
  /** Height and width of its output. */
  readonly size: number;
  readonly kernelSize: number;
  /** Channels that one output reads: with groups, those of a group. */
  readonly inputs: number;
  readonly outputs: number;
};

/** What a study may set of a model beside its name; each family takes its own. */
export type ModelOptions = {
  readonly width?: number | undefined;
  readonly experts?: readonly number[] | undefined;
  readonly heads?: Heads | undefined;
};

/** What the data settle. */
export type Sizes = {
  readonly classes: number;
  /** Height and width of the images, in pixels. */
  readonly imageSize: number;
};

/** A network without its parameters: what the plan, the rules and the distillers ask of it. */
export type Outline = {
  readonly features: FeatureShapes;
  readonly layers: readonly LayerShape[];
};

/** One model, closed over the numbers of its own. */
export type Model<Name extends string = string, Settings = unknown> = {
  /** `learning/models/<family>.ts` builds it … */
  readonly family: Name;
  /** … from these numbers. */
  readonly settings: Settings;
  /** Options it takes, with the values of a study that sets none. */
  readonly options: ModelOptions;
  /** Whether it is a tree of experts: what an explanation needs, and no student may be. */
  readonly isExplainer: boolean;
  /** Images have to be a multiple of this many pixels high. */
  readonly sizeMultiple: (options: ModelOptions) => number;
  readonly outline: (sizes: Sizes, options: ModelOptions) => Outline;
};

type Family<Name extends string, Member extends string, Settings> = {
  readonly family: Name;
  readonly models: Readonly<Record<Member, Settings>>;
  readonly options?: ModelOptions;
  readonly isExplainer?: boolean;
  readonly sizeMultiple: (options: ModelOptions) => number;
  readonly outline: (settings: Settings, sizes: Sizes, options: ModelOptions) => Outline;
};

/**
 * The models of one family by their names. A test holds the outlines to the networks that
 * `learning/models/<family>.ts` builds.
 */
export function familyOf<Name extends string, Member extends string, Settings>({
  family,
  models,
  options = {},
  isExplainer = false,
  sizeMultiple,
  outline,
}: Family<Name, Member, Settings>): Readonly<Record<Member, Model<Name, Settings>>> {
  const close = (settings: Settings): Model<Name, Settings> => ({
    ...{ family, settings, options, isExplainer, sizeMultiple },
    outline: (sizes, set) => outline(settings, sizes, set),
  });
  const entries = Object.entries<Settings>(models);
  return Object.fromEntries(entries.map(([name, settings]) => [name, close(settings)])) as Record<
    Member,
    Model<Name, Settings>
  >;
}

/** Multiply-adds of convolutions and linear layers for one image. */
export function multiplyAddsOf({ layers }: Outline): number {
  return layers.reduce(
    (sum, { size, kernelSize, inputs, outputs }) =>
      sum + size ** 2 * kernelSize ** 2 * inputs * outputs,
    0,
  );
}

/** Values in the outputs of all layers for one image: what a step keeps for its gradient. */
export function activationValuesOf({ layers }: Outline): number {
  return layers.reduce((sum, { size, outputs }) => sum + size ** 2 * outputs, 0);
}

/** Values in all kernels: nearly all of the parameters. */
export function kernelValuesOf({ layers }: Outline): number {
  return layers.reduce(
    (sum, { kernelSize, inputs, outputs }) => sum + kernelSize ** 2 * inputs * outputs,
    0,
  );
}

/** A square map. */
export function squareMap(size: number, channels: number): MapShape {
  return [size, size, channels];
}

/** Shapes of a stem and of stages, of which all but the first halve the map. */
export function stagedFeatures(
  stem: number,
  stages: readonly number[],
  imageSize: number,
): FeatureShapes {
  const maps = stages.map((channels, stage) => squareMap(imageSize / 2 ** stage, channels));
  const embedding = stages.at(-1);
  return {
    maps: [squareMap(imageSize, stem), ...maps],
    ...(embedding === undefined ? {} : { embedding }),
  };
}
