import { DATASETS } from './datasets/registry.ts';

/**
 * The registered datasets. Their files, with digests, are in `learning/data`; here is what a plan and
 * a report need. Presets: science of normalisation, `paper` = the constants of the KDExplainer
 * code (its CIFAR-10 std is the mean of per-image std), `correct` = per-pixel std of the train set.
 */
export { DATASETS };

export type DatasetName = keyof typeof DATASETS;
export const DATASET_NAMES = Object.keys(DATASETS) as readonly string[] as readonly DatasetName[];
