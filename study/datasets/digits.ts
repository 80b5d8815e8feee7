import type { DatasetInfo } from '../catalog.ts';

export const DIGITS = {
  classes: 10,
  imageSize: 32,
  labelBytes: 1,
  classNames: ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'],
  trainImages: 4000,
  testImages: 1000,
  presets: {
    correct: { mean: [0.1001896, 0.1001896, 0.1001896], std: [0.2751553, 0.2751553, 0.2751553] },
  },
} as const satisfies DatasetInfo;
