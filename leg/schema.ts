import { z } from 'zod';

import { canonicalJson, digestJson } from '../study/canonical.ts';
import { isRegistered } from '../study/datasets.ts';
import { distillerSchema } from '../study/distillers.ts';
import { problemsText, problemOf } from '../study/resolve.ts';
import { onnxFactsSchema } from '../study/onnx-facts.ts';
import { datasetNameSchema, modelSpecSchema, studySchema, vamSchema } from '../study/schema.ts';
import { trainSchema } from '../study/train-schema.ts';
import { KdxError } from './errors.ts';
import type { Leg } from './spec.ts';

const digest = z.string().regex(/^[0-9a-f]{64}$/, 'a sha256 in lower-case hex');
const images = z.int().min(0);
const gates = z.enum(['soft', 'hard']);

const answering = z.strictObject({
  distiller: distillerSchema,
  teacher: modelSpecSchema.shape.name,
});

const inputs = z
  .strictObject({ scale: z.array(z.number()).length(3), shift: z.array(z.number()).length(3) })
  .optional();

const trained = z.strictObject({
  model: modelSpecSchema,
  vam: vamSchema.optional(),
  gates: gates.optional(),
  answering: answering.optional(),
  weights: digest,
  inputs,
});

const onnx = z.strictObject({ onnx: onnxFactsSchema, weights: digest, inputs });
/** A network of this project or of ONNX; told apart before it is read, so that a problem has its place. */
const teaching = z.union([trained, onnx]);
const logits = { logits: digest.optional() };

const base = {
  device: studySchema.shape.device,
  engine: studySchema.shape.engine,
  dataset: z
    .strictObject({
      name: datasetNameSchema,
      digest,
      preset: z.string(),
      sizes: z.strictObject({ classes: z.int().min(2), imageSize: z.int().min(1) }).optional(),
      split: z.strictObject({ train: z.int().min(1), validation: images, test: z.int().min(1) }),
    })
    .refine(({ name, sizes }) => isRegistered(name) === (sizes === undefined), {
      message: 'sizes for a dataset that is not registered, and for no other',
    }),
  code: digest,
};

const evaluateSchema = z.strictObject({
  ...base,
  kind: z.literal('evaluate'),
  network: teaching,
  teacher: teaching.optional(),
});

export const specSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    ...base,
    kind: z.literal('train'),
    model: modelSpecSchema,
    vam: vamSchema.optional(),
    gates: gates.optional(),
    distillers: z.array(distillerSchema).min(1),
    answering: answering.optional(),
    train: trainSchema,
    seeds: z.strictObject({ init: images, data: images }),
    streams: z.string().min(1).optional(),
    teacher: z.union([trained.extend(logits), onnx.extend(logits)]).optional(),
    parent: trained.optional(),
  }),
  z.strictObject({
    ...base,
    kind: z.literal('teach'),
    teacher: teaching,
    augment: trainSchema.shape.augment,
    epochs: trainSchema.shape.epochs,
    seeds: z.strictObject({ data: images }),
  }),
  evaluateSchema,
  z.strictObject({
    ...base,
    kind: z.literal('explain'),
    soft: trained,
    hard: trained,
    distillers: z.array(distillerSchema).min(1),
    teacher: teaching.optional(),
  }),
]);

const legSchema = z.strictObject({
  key: digest,
  spec: specSchema,
  trial: z.string().min(1),
  study: z.string().min(1),
  run: z.string().regex(/^[0-9a-f]{8}$/, '8 lower-case hex digits'),
  launch: z.int().min(0),
  resources: z.strictObject({ memoryMiB: z.int().min(1), flavour: z.string().optional() }),
  avoidHosts: z.array(z.string().min(1)).optional(),
  evaluation: z
    .strictObject({ trial: z.string().min(1), spec: evaluateSchema.omit({ network: true }) })
    .optional(),
});

/**
 * Reads a leg that came from elsewhere. Its spec has to be complete: a default filled in here would
 * be missing from the key.
 *
 * @throws KdxError SpecInvalid naming the JSON path, the value and what is allowed
 */
export function parseLeg(input: unknown): Leg {
  const parsed = legSchema.safeParse(input);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => problemOf(issue, input));
    throw new KdxError('SpecInvalid', problemsText(problems));
  }
  const leg = input as Leg;
  if (canonicalJson(parsed.data.spec) !== canonicalJson(leg.spec)) {
    throw new KdxError('SpecInvalid', '$.spec: a field with a default is absent; allowed: all set');
  }
  const { evaluation } = leg;
  // One process is set up for one device, and only a training leaves what is to be evaluated.
  const fits =
    evaluation === undefined ||
    (leg.spec.kind === 'train' &&
      canonicalJson(evaluation.spec.device) === canonicalJson(leg.spec.device));
  if (!fits) {
    const allowed = 'in a leg that trains, with the device of its spec';
    throw new KdxError('SpecInvalid', `$.evaluation: found in another leg; allowed: ${allowed}`);
  }
  const wanted = digestJson(leg.spec);
  if (leg.key === wanted) return leg;
  throw new KdxError('SpecInvalid', `$.key: found "${leg.key}"; allowed: "${wanted}"`);
}
