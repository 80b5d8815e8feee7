import { stagedFeatures, type Family } from './family.ts';

/** A wide residual network: `learning/models/wide-resnet.ts` has its sources. */
export type WideResNetSettings = {
  /** 6n + 4 with n blocks per stage. */
  readonly depth: number;
  readonly width: number;
};

/** Channels of the stem, and of the stages at width 1. */
export const WIDE_RESNET_CHANNELS = { stem: 16, stages: [16, 32, 64] } as const;

export const WIDE_RESNETS = {
  wrn_16_1: { depth: 16, width: 1 },
  wrn_16_2: { depth: 16, width: 2 },
  wrn_40_1: { depth: 40, width: 1 },
  wrn_40_2: { depth: 40, width: 2 },
} as const satisfies Record<string, WideResNetSettings>;

export const WIDE_RESNET: Family<WideResNetSettings> = {
  models: WIDE_RESNETS,
  features: ({ width }, imageSize) => {
    const { stem, stages } = WIDE_RESNET_CHANNELS;
    const [first, second, third] = stages;
    return stagedFeatures(stem, [first * width, second * width, third * width], imageSize);
  },
};
