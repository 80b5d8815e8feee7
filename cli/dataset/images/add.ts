import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { KdxError } from '../../../leg/errors.ts';
import type { ArtifactStore } from '../../../stores/artifacts.ts';
import { publishManifest } from '../../../stores/datasets.ts';
import type { DatasetInfo } from '../../../study/catalog.ts';
import { MOST_CLASSES } from '../../../study/dataset-info.ts';
import type { DatasetManifest } from '../../../study/dataset-manifest.ts';
import type { Tell } from '../progress.ts';
import { temporaryFolder } from '../temporary.ts';
import { convertImages, type Converted } from './convert.ts';
import { holdOut } from './hold-out.ts';
import { layoutOfFolder, rootOf, type Layout } from './layout.ts';
import { createMomentSums, type Moments } from './moments.ts';
import { openTree } from './open.ts';
import { IMAGENET, TINY_IMAGENET } from './presets.ts';
import { superclassesOf } from './superclasses.ts';
import { isTinyImagenet, layoutOfTinyImagenet } from './tiny-imagenet.ts';
import type { Tree } from './tree.ts';

export type ImageOptions = {
  /** Pixels of each side that images are resized to. */
  readonly size?: number;
  /** Share of the training images that become test images where there is no folder of those. */
  readonly validation?: number;
  /** A JSON file with groups of classes. */
  readonly superclasses?: string;
  /** Told how far it is, line by line. */
  readonly tell: Tell;
};

/** What was stored. */
export type AddedImages = {
  readonly digest: string;
  readonly info: DatasetInfo;
  readonly notes: readonly string[];
};

/** A line of progress every so many images. */
const TOLD_EVERY = 10_000;

/**
 * Puts anyone's images into a store: a folder, zip or tar as torchvision's ImageFolder reads it, or as
 * Tiny-ImageNet comes. All of them are decoded once, into records of bytes; nothing is stored before
 * everything is checked, and the name is written last.
 *
 * @throws KdxError `DataMismatch` naming the file or class, what is there and what is allowed
 */
export async function addImages(
  store: Pick<ArtifactStore, 'putBlob' | 'putLatest'>,
  name: string,
  source: string,
  options: ImageOptions,
): Promise<AddedImages> {
  const tree = await openTree(name, source);
  const folder = await temporaryFolder();
  try {
    const { manifest, info, notes } = await convert(name, tree, folder.path, options);
    options.tell(`${name}: all is checked; storing ${manifest.files.length} files`);
    const digest = await publishManifest(store, manifest, (file) =>
      readFile(join(folder.path, file.name)),
    );
    return { digest, info, notes };
  } finally {
    await tree.close();
    await folder.remove();
  }
}

type Converting = {
  readonly manifest: DatasetManifest;
  readonly info: DatasetInfo;
  readonly notes: readonly string[];
};

async function convert(
  name: string,
  tree: Tree,
  folder: string,
  options: ImageOptions,
): Promise<Converting> {
  const root = rootOf(name, tree);
  const isTiny = isTinyImagenet(tree, root);
  const found = isTiny
    ? await layoutOfTinyImagenet(name, tree, root)
    : layoutOfFolder(name, tree, root);
  const place = `${name}: ${tree.origin}`;
  checkClasses(place, found);
  const layout = holdOut(place, found, options.validation);
  const superclasses = await superclassesOf(options.superclasses, layout.classNames);
  const sums = createMomentSums();
  const tellOf = progressOf(name, layout, options.tell);
  const common = { name, origin: tree.origin, folder };
  const train = await convertImages({
    ...{ ...common, role: 'train', images: layout.train, size: options.size },
    onImage: (pixels) => {
      sums.add(pixels);
      tellOf();
    },
  });
  const { imageSize } = train;
  const test = await convertImages({
    ...{ ...common, role: 'test', images: layout.test, size: options.size, onImage: tellOf },
  });
  checkSizes(place, train, test);
  const moments = sums.moments();
  checkMoments(place, moments);
  const info: DatasetInfo = {
    ...{ classes: layout.classNames.length, imageSize, labelBytes: 1 },
    classNames: layout.classNames,
    ...(superclasses === undefined ? {} : { superclasses }),
    ...{ trainImages: layout.train.length, testImages: layout.test.length },
    presets: { correct: moments, ...(isTiny ? { paper: TINY_IMAGENET } : {}), imagenet: IMAGENET },
  };
  const manifest = { dataset: name, files: [...train.files, ...test.files], info };
  return { manifest, info, notes: layout.notes };
}

function checkClasses(place: string, { classNames }: Layout): void {
  if (classNames.length <= MOST_CLASSES) return;
  const allowed = `at most ${MOST_CLASSES}`;
  throw new KdxError(
    'DataMismatch',
    `${place} has ${classNames.length} classes; allowed: ${allowed}`,
  );
}

function checkSizes(place: string, train: Converted, test: Converted): void {
  if (train.imageSize === test.imageSize) return;
  const found = `training images of ${train.imageSize} and test images of ${test.imageSize} pixels`;
  throw new KdxError(
    'DataMismatch',
    `${place} has ${found}; allowed: one size, as --size makes it`,
  );
}

/** Nothing can be normalised by a deviation of zero. */
function checkMoments(place: string, { std }: Moments): void {
  const channel = std.indexOf(0);
  if (channel < 0) return;
  const found = `${['red', 'green', 'blue'][channel]} of one value in all training images`;
  throw new KdxError('DataMismatch', `${place} has ${found}; allowed: images that differ`);
}

function progressOf(name: string, { train, test }: Layout, tell: ImageOptions['tell']): () => void {
  const all = train.length + test.length;
  let done = 0;
  return () => {
    done += 1;
    if (done % TOLD_EVERY === 0 || done === all) tell(`${name}: ${done} of ${all} images decoded`);
  };
}
