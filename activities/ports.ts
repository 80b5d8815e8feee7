import type { Place } from '../leg/spec.ts';
import type { DeviceKind } from '../study/catalog.ts';
import type { CodeIndex } from '../study/code.ts';
import type { DatasetName } from '../study/datasets.ts';

/** What resolving a study needs of this build and this machine. */
export type CatalogPort = {
  /**
   * The digest of a dataset's manifest, from the store; of the digits, which come with the build,
   * the files are stored first. Throws `DataMismatch` where the store has no such dataset.
   */
  datasetDigest(name: DatasetName): Promise<string>;
  /** The code index of this build, `learning/code.json`. */
  readCodeIndex(): Promise<CodeIndex>;
  /** Where legs on a device can run, the preferred place first. */
  places(device: DeviceKind): readonly Place[];
};
