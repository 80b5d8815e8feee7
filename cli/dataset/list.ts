import { errorText, isKdxError } from '../../leg/errors.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { findManifest } from '../../stores/datasets.ts';
import { DIGITS_MANIFEST, manifestDigest } from '../../study/dataset-manifest.ts';
import { DATASET_NAMES, DATASETS, type DatasetName } from '../../study/datasets.ts';

/** A registered dataset, and what the store has of it. */
export type ListedDataset = {
  readonly name: DatasetName;
  readonly presets: readonly string[];
  /** Digest of its manifest; absent where the store has none. */
  readonly digest?: string;
  /** What is damaged of it. */
  readonly problem?: string;
};

type ListStore = Pick<ArtifactStore, 'getJson' | 'getBlob' | 'location'>;

/** All registered datasets, in the order of their registration. Without a store only the digits are known. */
export async function listDatasets(
  store: ListStore | undefined,
): Promise<readonly ListedDataset[]> {
  return Promise.all(
    DATASET_NAMES.map(async (name) => {
      const presets = Object.keys(DATASETS[name].presets);
      return { name, presets, ...(await stateOf(store, name)) };
    }),
  );
}

async function stateOf(
  store: ListStore | undefined,
  name: DatasetName,
): Promise<Pick<ListedDataset, 'digest' | 'problem'>> {
  if (name === 'digits') return { digest: manifestDigest(DIGITS_MANIFEST) };
  if (store === undefined) return {};
  try {
    const manifest = await findManifest(store, name);
    if (manifest === undefined) return {};
    return { digest: manifestDigest(manifest) };
  } catch (error) {
    if (!isKdxError(error) || error.code !== 'DataMismatch') throw error;
    return { problem: errorText(error) };
  }
}
