import { z } from 'zod';
import type { DatasetInfo } from './catalog.ts';

/** A label of a record is a byte. */
export const MOST_CLASSES = 256;

const CHANNELS = 3;
const count = z.int().min(1);
const channels = z.array(z.number()).length(CHANNELS);
const superclass = z.strictObject({
  name: z.string().min(1),
  classes: z.array(z.int().min(0)).min(1),
});

/** What a manifest says of its dataset, where it is not one that every build knows. */
export const datasetInfoSchema = z
  .strictObject({
    classes: z.int().min(2).max(MOST_CLASSES),
    imageSize: count.max(4096),
    labelBytes: z.union([z.literal(1), z.literal(2)]),
    classNames: z.array(z.string()),
    superclasses: z.array(superclass).optional(),
    trainImages: count,
    testImages: count,
    presets: z.record(
      z.string(),
      z.strictObject({ mean: channels, std: z.array(z.number().positive()).length(CHANNELS) }),
    ),
  })
  .refine(({ classes, classNames }) => classNames.length === classes, {
    message: 'as many names as classes',
  });

/** Reads what a manifest says of its dataset. @returns nothing where it says something else */
export function readDatasetInfo(value: unknown): DatasetInfo | undefined {
  const parsed = datasetInfoSchema.safeParse(value);
  return parsed.success ? (value as DatasetInfo) : undefined;
}
