/** How an explainer is labelled: the three-way comparison of KDExplainer (§4 of the paper). */
export const ARM_NAMES = ['hard-label', 'label-smoothing', 'distillation'] as const;
export type ArmName = (typeof ARM_NAMES)[number];

/** Number formats that products may be computed in, by the kind of device. */
export const PRECISIONS = {
  cpu: ['float32', 'bf16'],
  cuda: ['float32', 'tf32', 'bf16'],
} as const;
export type DeviceKind = keyof typeof PRECISIONS;
export type Precision = (typeof PRECISIONS)[DeviceKind][number];

/** A dataset in CIFAR's binary layout: label bytes, then planar red, green, blue. */
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
