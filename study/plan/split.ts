import { infoOf } from '../datasets.ts';
import type { Study } from '../schema.ts';

/** How many images each part of a study's data has. */
export type SplitSizes = {
  readonly train: number;
  readonly validation: number;
  readonly test: number;
};

/** The parts of a study's data, with what its dataset has where the study does not say. */
export function splitOf({ dataset }: Pick<Study, 'dataset'>): SplitSizes {
  const { trainImages, testImages } = infoOf(dataset);
  const { validation, train, test } = dataset.split;
  return { train: train ?? trainImages - validation, validation, test: test ?? testImages };
}
