import { z } from 'zod';

/** Settings of one training; defaults are the published protocol of RepDistiller and KDExplainer. */
const count = z.int().min(1);
const rate = z.number().positive();
const share = z.number().min(0).max(1);

export const sgdSchema = z.strictObject({
  name: z.literal('sgd'),
  learningRate: rate.default(0.05),
  momentum: share.default(0.9),
  nesterov: z.boolean().default(false).describe("Nesterov's momentum: the step looks ahead."),
  weightDecay: z.number().min(0).default(5e-4),
  dot: rate
    .max(1)
    .optional()
    .describe(
      'Δ of the distillation-oriented trainer (0.075 published): what a teacher says has a velocity of its own, of momentum + Δ, and the rest one of momentum − Δ.',
    ),
});
export const adamSchema = z.strictObject({
  name: z.literal('adam'),
  learningRate: rate.default(0.05),
  gateLearningRate: rate.default(0.01).describe('Rate of the gate logits β.'),
  weightDecay: z.number().min(0).default(5e-4).describe('L2 added to the gradient, not AdamW.'),
});

const augmentSchema = z.strictObject({
  pad: z.int().min(0).max(16).default(4).describe('Zero padding in pixels before the random crop.'),
  flip: z.boolean().default(true).describe('Horizontal flip with probability one half.'),
});

/** Published length of both stages of the explainer (KDExplainer). */
export const EXPLAINER_EPOCHS = 300;
/** The published run of students and teachers (RepDistiller): length, where the rate falls, by how much. */
export const PUBLISHED_EPOCHS = 240;
export const PUBLISHED_MILESTONES: readonly number[] = [150, 180, 210];
export const PUBLISHED_FACTOR = 0.1;

/** How one network is trained; resolved with all its defaults it is part of the result's key. */
export const trainSchema = z.strictObject({
  epochs: count.max(10_000),
  batch: count.max(65_536).default(64),
  optimizer: z.discriminatedUnion('name', [sgdSchema, adamSchema]),
  schedule: z
    .enum(['step', 'cosine', 'constant', 'explainer-soft', 'explainer-hard'])
    .default('step')
    .describe(
      'step: × factor after each milestone; cosine: down to zero; explainer-*: the two stages of KDExplainer, 300 epochs each.',
    ),
  publishedEpochs: count
    .max(10_000)
    .default(PUBLISHED_EPOCHS)
    .describe('Length of the published run that step and cosine, milestones and warm-up are of.'),
  milestones: z
    .array(count)
    .max(100)
    .default([...PUBLISHED_MILESTONES])
    .describe('step: published epochs after which the rate falls.'),
  factor: rate.max(1).default(PUBLISHED_FACTOR).describe('step: what the rate is multiplied by.'),
  warmUpEpochs: z
    .int()
    .min(0)
    .default(0)
    .describe('Published epochs over which the rate rises linearly; none for explainer-*.'),
  scale: z.boolean().default(true).describe('Stretch the published schedule to `epochs`.'),
  augment: augmentSchema.prefault({}),
});
const { shape } = trainSchema;
const { name: _name, ...sgdSettings } = sgdSchema.shape;
/** Some settings of a training, to put in the place of others: what is not given has no default. */
export const givenTrainSchema = z.strictObject({
  epochs: shape.epochs.optional(),
  batch: shape.batch.unwrap().optional(),
  optimizer: z
    .strictObject({
      learningRate: sgdSettings.learningRate.unwrap().optional(),
      momentum: sgdSettings.momentum.unwrap().optional(),
      nesterov: sgdSettings.nesterov.unwrap().optional(),
      weightDecay: sgdSettings.weightDecay.unwrap().optional(),
      dot: sgdSettings.dot,
    })
    .optional(),
  schedule: shape.schedule.unwrap().optional(),
  publishedEpochs: shape.publishedEpochs.unwrap().optional(),
  milestones: shape.milestones.unwrap().optional(),
  factor: shape.factor.unwrap().optional(),
  warmUpEpochs: shape.warmUpEpochs.unwrap().optional(),
  scale: shape.scale.unwrap().optional(),
  augment: z
    .strictObject({
      pad: augmentSchema.shape.pad.unwrap().optional(),
      flip: augmentSchema.shape.flip.unwrap().optional(),
    })
    .optional(),
});

/** One stage of the explainer: its published batch, and a schedule that belongs to it. */
export function stageSchema(schedule: 'explainer-soft' | 'explainer-hard') {
  return trainSchema.extend({
    batch: trainSchema.shape.batch.unwrap().default(128),
    schedule: trainSchema.shape.schedule.unwrap().default(schedule),
  });
}

export type Train = z.output<typeof trainSchema>;
