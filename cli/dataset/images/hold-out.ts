import { KdxError } from '../../../leg/errors.ts';
import { splitImages } from '../../../learning/data/split.ts';
import type { LabelledFile, Layout } from './layout.ts';

/**
 * Gives a dataset without test images a share of its training images as such: stratified, and the same
 * ones for the same files, whenever and wherever it is added.
 *
 * @param place what is named in a refusal
 * @param share of each class, in (0, 1); allowed where there is no folder of test images alone
 * @throws KdxError `DataMismatch` naming what is there and what is allowed
 */
export function holdOut(place: string, layout: Layout, share: number | undefined): Layout {
  const { train, test, classNames } = layout;
  if (test.length > 0) {
    if (share === undefined) return layout;
    const allowed = 'without a folder of test images; a study holds validation images out';
    const problem = `has test images, and --validation ${share} is given`;
    throw new KdxError('DataMismatch', `${place} ${problem}; allowed: ${allowed}`);
  }
  if (share === undefined) {
    const allowed = 'test/<class>/ or val/<class>/, or --validation 0.1 for a tenth of train/';
    throw new KdxError('DataMismatch', `${place} has no test images; allowed: ${allowed}`);
  }
  const labels = Uint8Array.from(train, ({ label }) => label);
  const validation = Math.round(train.length * share);
  const sizes = { train: train.length - validation, validation, test: 0 };
  const split = splitImages(sizes, labels, new Uint8Array());
  const pick = (positions: Uint32Array): readonly LabelledFile[] =>
    Array.from(positions, (position) => train[position] as LabelledFile);
  const [kept, held] = [pick(split.train), pick(split.validation)];
  for (const [side, images] of [
    ['train', kept],
    ['test', held],
  ] as const) {
    const label = classNames.findIndex((_, i) => !images.some((image) => image.label === i));
    if (label < 0) continue;
    const problem = `leaves no ${side} image of class ${classNames[label]}`;
    throw new KdxError('DataMismatch', `${place}: --validation ${share} ${problem}`);
  }
  return { ...layout, train: kept, test: held };
}
