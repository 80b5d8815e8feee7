import { stagedFeatures, type Family } from './family.ts';

/** A CIFAR ResNet: `learning/models/resnet.ts` has its sources. */
export type ResNetSettings = {
  /** 6n + 2 with n blocks per stage. */
  readonly depth: number;
  readonly stem: number;
  readonly stages: readonly [number, number, number];
};

const NARROW = { stem: 16, stages: [16, 32, 64] } as const;
const WIDE = { stem: 32, stages: [64, 128, 256] } as const;

export const RESNETS = {
  resnet8: { ...NARROW, depth: 8 },
  resnet14: { ...NARROW, depth: 14 },
  resnet20: { ...NARROW, depth: 20 },
  resnet32: { ...NARROW, depth: 32 },
  resnet44: { ...NARROW, depth: 44 },
  resnet56: { ...NARROW, depth: 56 },
  resnet110: { ...NARROW, depth: 110 },
  resnet8x4: { ...WIDE, depth: 8 },
  resnet32x4: { ...WIDE, depth: 32 },
} as const satisfies Record<string, ResNetSettings>;

export const RESNET: Family<ResNetSettings> = {
  models: RESNETS,
  features: ({ stem, stages }, imageSize) => stagedFeatures(stem, stages, imageSize),
};
