/** How an explainer is labelled: the three-way comparison of KDExplainer (§4 of the paper). */
export const ARM_NAMES = ['hard-label', 'label-smoothing', 'distillation'] as const;
export type ArmName = (typeof ARM_NAMES)[number];

/**
 * What the heads of an explainer, one a class, are trained for: one softmax over all (`ce` of the public
 * code), the same over the larger of two outputs (its `nce`), or each for its own class (the paper's text).
 */
export const OBJECTIVES = ['joint', 'joint-max2', 'binary'] as const;
export type ExplainerObjective = (typeof OBJECTIVES)[number];

/** How a class's logit comes from its head: its one output, or of two the larger or their difference. */
export const HEADS = ['single', 'larger', 'difference'] as const;
export type Heads = (typeof HEADS)[number];

/** Number formats that products may be computed in, by the kind of device. */
export const PRECISIONS = {
  cpu: ['float32', 'bf16'],
  cuda: ['float32', 'tf32', 'bf16'],
} as const;
export type DeviceKind = keyof typeof PRECISIONS;
export type Precision = (typeof PRECISIONS)[DeviceKind][number];

/** What a dataset is. Its records have CIFAR's binary layout: label bytes, then planar red, green, blue. */
export type DatasetInfo = {
  readonly classes: number;
  readonly imageSize: number;
  /** Label bytes in front of the pixels; the last one is the class (CIFAR-100: coarse, fine). */
  readonly labelBytes: 1 | 2;
  readonly classNames: readonly string[];
  /** Groups of classes that a dataset is known by; every class is in one. */
  readonly superclasses?: readonly {
    readonly name: string;
    readonly classes: readonly number[];
  }[];
  readonly trainImages: number;
  readonly testImages: number;
  /** Normalisation by preset: per-channel mean and standard deviation of pixels in [0, 1]. */
  readonly presets: Readonly<
    Record<string, { readonly mean: readonly number[]; readonly std: readonly number[] }>
  >;
};
