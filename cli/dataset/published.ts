import type { ARCHIVES } from '../../study/dataset-manifest.ts';

/** The datasets whose archives are known. */
export type ArchivedDataset = keyof typeof ARCHIVES;

/** By channel, of [0, 1]. */
type Moments = { readonly mean: readonly number[]; readonly std: readonly number[] };

/**
 * Mean and standard deviation of all pixels of the training images, whatever a study normalises with:
 * the preset `paper` of CIFAR-10 has another deviation.
 */
export const PUBLISHED_MOMENTS: Readonly<Record<ArchivedDataset, Moments>> = {
  cifar10: { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] },
  cifar100: { mean: [0.5071, 0.4865, 0.4409], std: [0.2673, 0.2564, 0.2762] },
};

/** Superclasses of CIFAR-100, of five classes each. */
export const SUPERCLASSES = 20;
