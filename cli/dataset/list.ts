import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { EXPECTED_FILES, recordBytes } from '../../study/dataset-manifest.ts';
import { DATASET_NAMES, DATASETS, type DatasetName } from '../../study/datasets.ts';
import { datasetFolder } from '../../stores/datasets.ts';
import type { DatasetFolders } from '../../stores/datasets.ts';

/** A registered dataset, and what is wrong with its files where something is. */
export type ListedDataset = {
  readonly name: DatasetName;
  readonly folder: string;
  readonly presets: readonly string[];
  /** Absent where all files are there, in their sizes. */
  readonly problem?: string;
};

/** All registered datasets, in the order of their registration. */
export function listDatasets(folders: DatasetFolders): Promise<readonly ListedDataset[]> {
  return Promise.all(
    DATASET_NAMES.map(async (name) => {
      const folder = datasetFolder(folders, name);
      const problem = await problemIn(name, folder);
      const presets = Object.keys(DATASETS[name].presets);
      return { name, folder, presets, ...(problem === undefined ? {} : { problem }) };
    }),
  );
}

async function problemIn(name: DatasetName, folder: string): Promise<string | undefined> {
  for (const { name: file, records } of EXPECTED_FILES[name]) {
    const found = await stat(join(folder, file)).catch(() => undefined);
    if (found === undefined) return `${file} is not there`;
    const wanted = records * recordBytes(name);
    if (!file.endsWith('.gz') && found.size !== wanted) {
      return `${file} has ${found.size} bytes; wanted ${wanted}`;
    }
  }
  return undefined;
}
