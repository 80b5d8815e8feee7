import { createHash } from 'node:crypto';

import { KdxError } from '../../leg/errors.ts';
import { CHANNELS, type ImageSet } from '../../learning/data/records.ts';
import { recordBytes, type DatasetRole } from '../../study/dataset-manifest.ts';
import { DATASETS } from '../../study/datasets.ts';
import { PUBLISHED_MOMENTS, SUPERCLASSES, type ArchivedDataset } from './published.ts';

/** A file of a dataset, as it is and decoded. */
export type ContentFile = ImageSet & {
  readonly file: string;
  readonly role: DatasetRole;
  readonly bytes: Uint8Array;
};

/** Share of a file's images that may be of one value: a hole in a file leaves many. */
const SINGLE_VALUED_SHARE = 0.001;
/** Share of all images that may equal an earlier one: CIFAR repeats a few photographs. */
const REPEATED_SHARE = 0.02;
/**
 * How far mean and standard deviation of the training images may be from the published ones, of
 * [0, 1]. JPEG at usual quality moves them by 0.0013; green and red of CIFAR-10 are 0.009 apart, blue
 * is 0.036 below green, so that another order of the channels is seen, and so is other scaling.
 */
const MOMENT_TOLERANCE = 0.006;

/**
 * Checks what can be known of a dataset whose bytes may differ from the published ones, as after a
 * conversion: no file twice, no holes, as many images a class as published, channels as published.
 * @throws KdxError `DataMismatch` with the place, what was found and what is wanted
 */
export function checkContent(name: ArchivedDataset, files: readonly ContentFile[]): void {
  checkNoneTwice(name, files);
  for (const file of files) checkHoles(name, file);
  checkRepeats(name, files);
  checkSuperclasses(name, files);
  checkClassCounts(name, files);
  checkMoments(
    name,
    files.filter(({ role }) => role === 'train'),
  );
}

function refuse(name: ArchivedDataset, problem: string): never {
  throw new KdxError('DataMismatch', `${name}: ${problem}`);
}

function checkNoneTwice(name: ArchivedDataset, files: readonly ContentFile[]): void {
  files.forEach(({ file, bytes }, i) => {
    const same = files.slice(0, i).find((earlier) => Buffer.compare(earlier.bytes, bytes) === 0);
    if (same !== undefined) refuse(name, `${file} holds the same bytes as ${same.file}`);
  });
}

/** Pixels of an image, as stored. */
function pixelsOf({ imageSize, pixels }: ImageSet, image: number): Uint8Array {
  const size = imageSize ** 2 * CHANNELS;
  return pixels.subarray(image * size, (image + 1) * size);
}

function checkHoles(name: ArchivedDataset, set: ContentFile): void {
  let found = 0;
  let first = 0;
  for (let image = 0; image < set.count; image += 1) {
    const pixels = pixelsOf(set, image);
    const value = pixels[0];
    if (!pixels.every((pixel) => pixel === value)) continue;
    if (found === 0) first = image;
    found += 1;
  }
  const allowed = Math.floor(set.count * SINGLE_VALUED_SHARE);
  if (found <= allowed) return;
  const value = pixelsOf(set, first)[0];
  refuse(
    name,
    `${set.file} has ${found} of ${set.count} images without content (the first is record ${first}, every pixel ${value}); allowed: ${allowed}. The file was not copied whole`,
  );
}

function checkRepeats(name: ArchivedDataset, files: readonly ContentFile[]): void {
  const seen = new Set<string>();
  let images = 0;
  for (const set of files) {
    for (let image = 0; image < set.count; image += 1) {
      seen.add(createHash('sha1').update(pixelsOf(set, image)).digest('base64'));
    }
    images += set.count;
  }
  const repeated = images - seen.size;
  const allowed = Math.floor(images * REPEATED_SHARE);
  if (repeated <= allowed) return;
  refuse(name, `${repeated} of ${images} images equal an earlier one; allowed: ${allowed}`);
}

/** CIFAR-100 stores the superclass in front of the class: 20 of them, 5 classes in each. */
function checkSuperclasses(name: ArchivedDataset, files: readonly ContentFile[]): void {
  if (DATASETS[name].labelBytes === 1) return;
  const stride = recordBytes({ name });
  const superclassOf = new Map<number, number>();
  for (const { file, count, bytes } of files) {
    for (let record = 0; record < count; record += 1) {
      const [coarse = 0, fine = 0] = bytes.subarray(record * stride, record * stride + 2);
      const known = superclassOf.get(fine) ?? coarse;
      if (known !== coarse || coarse >= SUPERCLASSES) {
        const wanted = known === coarse ? `0 to ${SUPERCLASSES - 1}` : `${known}, as before`;
        const problem = `${file}, record ${record} has class ${fine} in superclass ${coarse}`;
        refuse(name, `${problem}; wanted ${wanted}`);
      }
      superclassOf.set(fine, coarse);
    }
  }
  const members = new Array<number>(SUPERCLASSES).fill(0);
  for (const coarse of superclassOf.values()) members[coarse] = (members[coarse] ?? 0) + 1;
  const wanted = DATASETS[name].classes / SUPERCLASSES;
  const odd = members.findIndex((found) => found !== wanted);
  if (odd !== -1) refuse(name, `${members[odd]} classes in superclass ${odd}; wanted ${wanted}`);
}

function checkClassCounts(name: ArchivedDataset, files: readonly ContentFile[]): void {
  const { classes, classNames, trainImages, testImages } = DATASETS[name];
  for (const [role, images] of [['train', trainImages] as const, ['test', testImages] as const]) {
    const counts = new Array<number>(classes).fill(0);
    for (const { labels } of files.filter((file) => file.role === role)) {
      for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
    }
    const wanted = images / classes;
    const label = counts.findIndex((count) => count !== wanted);
    if (label === -1) continue;
    const called = classNames[label] === undefined ? '' : ` (${classNames[label]})`;
    refuse(name, `${counts[label]} ${role} images of class ${label}${called}; wanted ${wanted}`);
  }
}

function checkMoments(name: ArchivedDataset, files: readonly ContentFile[]): void {
  const { mean, std } = PUBLISHED_MOMENTS[name];
  const found = momentsOf(files);
  const text = (numbers: readonly number[]): string =>
    numbers.map((number) => number.toFixed(4)).join(', ');
  const isNear = (numbers: readonly number[], wanted: readonly number[]): boolean =>
    numbers.every((number, i) => Math.abs(number - (wanted[i] ?? NaN)) <= MOMENT_TOLERANCE);
  if (isNear(found.mean, mean) && isNear(found.std, std)) return;
  refuse(
    name,
    `training images have mean ${text(found.mean)} and standard deviation ${text(found.std)} by channel; wanted ${text(mean)} and ${text(std)}, each to ${MOMENT_TOLERANCE}. These are other images, other channels or other layout`,
  );
}

/** Mean and standard deviation by channel, of [0, 1]; sums are whole numbers, hence exact. */
function momentsOf(files: readonly ContentFile[]) {
  const moments = Array.from({ length: CHANNELS }, (_, channel) => {
    let [count, sum, squares] = [0, 0, 0];
    for (const { pixels } of files) {
      for (let i = channel; i < pixels.length; i += CHANNELS) {
        const value = pixels[i] as number;
        sum += value;
        squares += value * value;
      }
      count += pixels.length / CHANNELS;
    }
    const mean = sum / count / 255;
    return { mean, std: Math.sqrt(squares / count / 255 ** 2 - mean ** 2) };
  });
  return { mean: moments.map(({ mean }) => mean), std: moments.map(({ std }) => std) };
}
