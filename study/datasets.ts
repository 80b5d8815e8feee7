import type { DatasetInfo } from './catalog.ts';
import { DATASETS } from './datasets/registry.ts';
import type { Sizes } from './models/family.ts';

/**
 * The registered datasets. Their files, with digests, are in `learning/data`; here is what a plan and
 * a report need. Presets: science of normalisation, `paper` = the constants of the KDExplainer
 * code (its CIFAR-10 std is the mean of per-image std), `correct` = per-pixel std of the train set.
 */
export { DATASETS };

export type DatasetName = keyof typeof DATASETS;
export const DATASET_NAMES = Object.keys(DATASETS) as readonly string[] as readonly DatasetName[];

/**
 * A dataset as a study names it. What a registered one is, every build knows; what another one is, its
 * manifest in the store says, and that travels along.
 */
export type DatasetUse = { readonly name: string; readonly info?: DatasetInfo };

/** Whether this build knows the dataset of a name. */
export function isRegistered(name: string): name is DatasetName {
  return Object.hasOwn(DATASETS, name);
}

/** What is known of a dataset; undefined where only the store knows. */
export function knownInfo({ name, info }: DatasetUse): DatasetInfo | undefined {
  return isRegistered(name) ? DATASETS[name] : info;
}

/** What a dataset is. @throws TypeError where only the store knows, and was not asked */
export function infoOf(dataset: DatasetUse): DatasetInfo {
  const info = knownInfo(dataset);
  if (info === undefined) throw new TypeError(`the store was not asked what ${dataset.name} is`);
  return info;
}

/** Classes and pixels of the dataset of a spec, which has them where the dataset is not registered. */
export function sizesOf({ name, sizes }: { readonly name: string; readonly sizes?: Sizes }): Sizes {
  const known: Sizes | undefined = isRegistered(name) ? DATASETS[name] : sizes;
  if (known === undefined) throw new TypeError(`the spec does not say the sizes of ${name}`);
  return known;
}
