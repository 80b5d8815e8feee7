import { stat } from 'node:fs/promises';

import { KdxError } from '../../leg/errors.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import {
  ARCHIVES,
  TINY_IMAGENET_ARCHIVE,
  TINY_IMAGENET_NAME,
} from '../../study/dataset-manifest.ts';
import { isRegistered } from '../../study/datasets.ts';
import { datasetNameSchema } from '../../study/schema.ts';
import { addDataset } from './add.ts';
import { checkPublished } from './archive.ts';
import { addImages, type AddedImages, type ImageOptions } from './images/add.ts';
import type { ArchivedDataset } from './published.ts';

export type AddOptions = ImageOptions;

type Store = Pick<ArtifactStore, 'putBlob' | 'putLatest' | 'location'>;

/**
 * Puts a dataset of any kind into a store, by its name: CIFAR, or images.
 *
 * @param source a path
 * @returns what was stored, in words
 * @throws KdxError `SpecInvalid` for a name or an option that does not fit, `DataMismatch` for the data
 */
export async function addAny(
  store: Store,
  name: string,
  source: string,
  options: AddOptions,
): Promise<readonly string[]> {
  checkName(name);
  if (isArchived(name)) {
    refuseImageOptions(name, options);
    const { digest, images } = await addDataset(store, name, source);
    return [`${name}: ${images} images in ${store.location}, digest ${digest}`];
  }
  if (name === TINY_IMAGENET_NAME) await checkTiny(name, source);
  return textOf(name, store, await addImages(store, name, source, options));
}

function isArchived(name: string): name is ArchivedDataset {
  return Object.hasOwn(ARCHIVES, name);
}

function checkName(name: string): void {
  const allowed = `allowed: ${Object.keys(ARCHIVES).join(', ')}, ${TINY_IMAGENET_NAME}, or a name of your own`;
  if (isRegistered(name) && !isArchived(name)) {
    throw new KdxError('SpecInvalid', `${name} comes with the repository; ${allowed}`);
  }
  if (datasetNameSchema.safeParse(name).success) return;
  const rule = 'of a-z, 0-9, ".", "_" and "-", at most 63';
  throw new KdxError('SpecInvalid', `name ${JSON.stringify(name)}; ${allowed} ${rule}`);
}

function refuseImageOptions(name: string, options: AddOptions): void {
  for (const option of ['size', 'validation', 'superclasses'] as const) {
    if (options[option] === undefined) continue;
    const problem = `--${option} ${options[option]} is given for ${name}`;
    throw new KdxError('SpecInvalid', `${problem}; allowed: for images of your own`);
  }
}

/** Under its own name an archive is held against the published one. */
async function checkTiny(name: string, source: string): Promise<void> {
  const found = await stat(source).catch(() => undefined);
  if (found?.isFile() === true) await checkPublished(name, source, TINY_IMAGENET_ARCHIVE);
}

function textOf(
  name: string,
  { location }: Store,
  { digest, info, notes }: AddedImages,
): readonly string[] {
  const { classes, imageSize, trainImages, testImages, presets } = info;
  const images = `${trainImages} training and ${testImages} test images of ${classes} classes`;
  const numbers = (values: readonly number[] = []): string =>
    values.map((value) => value.toFixed(4)).join(', ');
  const { mean, std } = presets['correct'] ?? {};
  return [
    ...notes.map((note) => `${name}: ${note}`),
    `${name}: ${images}, ${imageSize} × ${imageSize}, mean ${numbers(mean)}, deviation ${numbers(std)}`,
    `${name}: in ${location}, digest ${digest}`,
    `a study names it: "dataset": { "name": "${name}" }`,
  ];
}
