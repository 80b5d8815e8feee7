import type { DatasetInfo } from '../catalog.ts';

export const CIFAR10 = {
  classes: 10,
  imageSize: 32,
  labelBytes: 1,
  classNames: [
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
  ],
  superclasses: [
    { name: 'animals', classes: [2, 3, 4, 5, 6, 7] },
    { name: 'vehicles', classes: [0, 1, 8, 9] },
  ],
  trainImages: 50_000,
  testImages: 10_000,
  presets: {
    paper: { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] },
    correct: {
      mean: [0.49139968, 0.48215841, 0.44653091],
      std: [0.24703223, 0.24348513, 0.26158784],
    },
  },
} as const satisfies DatasetInfo;
