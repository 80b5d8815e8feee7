import type { DatasetInfo } from './catalog.ts';

const CIFAR10_CLASSES = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
] as const;

/**
 * The registered datasets. Their files, with digests, are in `learning/data`; here is what a plan and
 * a report need. Presets: science of normalisation, `paper` = the constants of the KDExplainer
 * code (its CIFAR-10 std is the mean of per-image std), `correct` = per-pixel std of the train set.
 */
export const DATASETS = {
  digits: {
    classes: 10,
    imageSize: 32,
    labelBytes: 1,
    classNames: ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'],
    trainImages: 4000,
    testImages: 1000,
    presets: {
      correct: { mean: [0.1001896, 0.1001896, 0.1001896], std: [0.2751553, 0.2751553, 0.2751553] },
    },
  },
  cifar10: {
    classes: 10,
    imageSize: 32,
    labelBytes: 1,
    classNames: CIFAR10_CLASSES,
    trainImages: 50_000,
    testImages: 10_000,
    presets: {
      paper: { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] },
      correct: {
        mean: [0.49139968, 0.48215841, 0.44653091],
        std: [0.24703223, 0.24348513, 0.26158784],
      },
    },
  },
  cifar100: {
    classes: 100,
    imageSize: 32,
    labelBytes: 2,
    classNames: [],
    trainImages: 50_000,
    testImages: 10_000,
    presets: { paper: { mean: [0.5071, 0.4867, 0.4408], std: [0.2675, 0.2565, 0.2761] } },
  },
} as const satisfies Record<string, DatasetInfo>;

export type DatasetName = keyof typeof DATASETS;
export const DATASET_NAMES = [
  'digits',
  'cifar10',
  'cifar100',
] as const satisfies readonly DatasetName[];
