import type { DatasetInfo } from '../catalog.ts';

export const CIFAR100 = {
  classes: 100,
  imageSize: 32,
  labelBytes: 2,
  classNames: [],
  trainImages: 50_000,
  testImages: 10_000,
  presets: { paper: { mean: [0.5071, 0.4867, 0.4408], std: [0.2675, 0.2565, 0.2761] } },
} as const satisfies DatasetInfo;
