import type { CodeIndex } from '../study/code.ts';
import type { DatasetName } from '../study/datasets.ts';

/** What resolving a study needs of this build and this machine. */
export type CatalogPort = {
  /** Puts the files of a registered dataset into the store; answers the digest of its manifest. */
  publishDataset(name: DatasetName): Promise<string>;
  /** The code index of this build, `learning/code.json`. */
  readCodeIndex(): Promise<CodeIndex>;
  /** Executors that this worker can offer to a study. */
  readonly executors: readonly string[];
};
