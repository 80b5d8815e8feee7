import type { Place } from '../leg/spec.ts';
import type { DatasetInfo, DeviceKind } from '../study/catalog.ts';
import type { CodeIndex } from '../study/code.ts';

/** A dataset in the store: the digest of its manifest, and what that says of it. */
export type StoredDataset = { readonly digest: string; readonly info?: DatasetInfo };

/** What resolving a study needs of this build and this machine. */
export type CatalogPort = {
  /**
   * A dataset by its name, from the store; of the digits, which come with the build, the files are
   * stored first. Throws `DataMismatch` where the store lacks one that every build knows, `SpecInvalid`
   * where nobody knows the name.
   */
  dataset(name: string): Promise<StoredDataset>;
  /** The code index of this build, `learning/code.json`. */
  readCodeIndex(): Promise<CodeIndex>;
  /** Where legs on a device can run, the preferred place first. */
  places(device: DeviceKind): readonly Place[];
};
