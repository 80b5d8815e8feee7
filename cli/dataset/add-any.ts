import { rm, stat } from 'node:fs/promises';

import { isKdxError, KdxError } from '../../leg/errors.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import {
  ARCHIVES,
  TINY_IMAGENET_ARCHIVE,
  TINY_IMAGENET_NAME,
  type Archive,
} from '../../study/dataset-manifest.ts';
import { isRegistered } from '../../study/datasets.ts';
import { datasetNameSchema } from '../../study/schema.ts';
import { addDataset } from './add.ts';
import { checkPublished } from './archive.ts';
import { download, isUrl } from './download.ts';
import { addImages, type AddedImages, type ImageOptions } from './images/add.ts';
import type { ArchivedDataset } from './published.ts';

export type AddOptions = ImageOptions & {
  /** Where files are kept while they are fetched. */
  readonly downloads: string;
};

type Store = Pick<ArtifactStore, 'putBlob' | 'putLatest' | 'location'>;

/**
 * Puts a dataset of any kind into a store, by its name: CIFAR, Tiny-ImageNet, or images.
 *
 * @param source a path or an address; absent: fetched from its publisher
 * @returns what was stored, in words
 * @throws KdxError `SpecInvalid` for a name or an option that does not fit, `DataMismatch` for the data,
 *   `Download` where it does not come
 */
export async function addAny(
  store: Store,
  name: string,
  source: string | undefined,
  options: AddOptions,
): Promise<readonly string[]> {
  checkName(name);
  if (isArchived(name)) refuseImageOptions(name, options);
  if (source !== undefined && !isUrl(source)) return addFrom(store, name, source, options);
  const wanted = source === undefined ? publishedOf(name) : { url: source };
  const path = await download({ ...wanted, folder: options.downloads, tell: options.tell });
  // What is refused is not what is wanted: the next call fetches it anew. So does one that is done.
  const remove = (): Promise<void> => rm(path, { force: true });
  try {
    const lines = await addFrom(store, name, path, options);
    await remove();
    return lines;
  } catch (error) {
    if (isKdxError(error) && error.code === 'DataMismatch') await remove();
    throw error;
  }
}

async function addFrom(
  store: Store,
  name: string,
  path: string,
  options: AddOptions,
): Promise<readonly string[]> {
  if (isArchived(name)) {
    const { digest, images } = await addDataset(store, name, path);
    return [`${name}: ${images} images in ${store.location}, digest ${digest}`];
  }
  if (name === TINY_IMAGENET_NAME) await checkTiny(name, path);
  return textOf(name, store, await addImages(store, name, path, options));
}

/** @throws KdxError `SpecInvalid` for a name that has no publisher */
function publishedOf(name: string): { readonly url: string; readonly bytes: number } {
  const archive = publishedArchive(name);
  if (archive !== undefined) return { url: archive.url, bytes: archive.bytes };
  const wanted =
    '--from <folder, archive or address>, since nobody publishes a dataset of that name';
  throw new KdxError('SpecInvalid', `${name}: where from is not said; wanted: ${wanted}`);
}

function publishedArchive(name: string): Archive | undefined {
  if (isArchived(name)) return ARCHIVES[name];
  return name === TINY_IMAGENET_NAME ? TINY_IMAGENET_ARCHIVE : undefined;
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
