import { canonicalJson, digestBytes, digestJson } from './canonical.ts';
import type { DatasetInfo } from './catalog.ts';
import { DATASETS, infoOf, isRegistered, type DatasetName, type DatasetUse } from './datasets.ts';

export type DatasetRole = 'train' | 'test';

/** One registered file. A name that ends in `.gz` is unpacked before it is read. */
export type DatasetFile = {
  readonly name: string;
  readonly role: DatasetRole;
  /** sha256 of the file as it is stored. */
  readonly digest: string;
  readonly bytes: number;
};

/**
 * The files of a dataset, in reading order. Its canonical JSON is a blob like the files themselves,
 * and the digest of that blob is the dataset's name in every spec: a leg reads all by digest.
 */
export type DatasetManifest = {
  readonly dataset: string;
  readonly files: readonly DatasetFile[];
  /**
   * What the dataset is: classes and their names, superclasses, sizes, normalisation. Absent of the
   * digits and of what an older build has stored; a registered dataset is what the build knows.
   */
  readonly info?: DatasetInfo;
};

/** `dataset.digest` of a leg's spec: the digest of `manifestBytes`. */
export function manifestDigest(manifest: DatasetManifest): string {
  return digestJson(manifest);
}

/** The manifest as it is stored. */
export function manifestBytes(manifest: DatasetManifest): Uint8Array {
  return new TextEncoder().encode(canonicalJson(manifest));
}

/** The digits that come with this repository (`learning/data/digits`). */
export const DIGITS_MANIFEST: DatasetManifest = {
  dataset: 'digits',
  files: [
    {
      name: 'train.bin.gz',
      role: 'train',
      digest: '8e402e23514fcfa1a22c0aebf5e3075f832e62ce6f4c311c2dd6009c38c52b6d',
      bytes: 732_343,
    },
    {
      name: 'test.bin.gz',
      role: 'test',
      digest: '806bb08d00bb1c777f15fb10c5f667bcadb04aec944a5258a704a689091a6638',
      bytes: 184_169,
    },
  ],
};

/** Where the digits lie, from the root of the repository. */
export const DIGITS_FOLDER = 'learning/data/digits';

/** A file a dataset has to consist of, whatever its digest. */
export type ExpectedFile = {
  readonly name: string;
  readonly role: DatasetRole;
  readonly records: number;
};

const CIFAR10_BATCH = 10_000;

/** The binary distributions of CIFAR (Krizhevsky, 2009) as they come out of their archives. */
export const EXPECTED_FILES: Readonly<Record<DatasetName, readonly ExpectedFile[]>> = {
  digits: [
    { name: 'train.bin.gz', role: 'train', records: DATASETS.digits.trainImages },
    { name: 'test.bin.gz', role: 'test', records: DATASETS.digits.testImages },
  ],
  cifar10: [
    ...[1, 2, 3, 4, 5].map((batch): ExpectedFile => {
      return { name: `data_batch_${batch}.bin`, role: 'train', records: CIFAR10_BATCH };
    }),
    { name: 'test_batch.bin', role: 'test', records: CIFAR10_BATCH },
  ],
  cifar100: [
    { name: 'train.bin', role: 'train', records: DATASETS.cifar100.trainImages },
    { name: 'test.bin', role: 'test', records: DATASETS.cifar100.testImages },
  ],
};

/** A distribution as its publisher packs it; md5 is the only digest that is published. */
export type Archive = { readonly url: string; readonly md5: string; readonly bytes: number };

/** Where the archives come from that are fetched where none is at hand: the binary versions. */
export const ARCHIVES = {
  cifar10: {
    url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
    md5: 'c32a1d4ab5d03f1284b67883e8d87530',
    bytes: 170_052_171,
  },
  cifar100: {
    url: 'https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz',
    md5: '03b5dce01913d631647c71ecec9e9cb8',
    bytes: 168_513_733,
  },
} as const satisfies Readonly<Record<string, Archive>>;

/** The same images as pickles of numpy's arrays, which is what PyTorch's users have. */
export const PYTHON_ARCHIVES: Readonly<Record<keyof typeof ARCHIVES, Archive>> = {
  cifar10: {
    url: 'https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz',
    md5: 'c58f30108f718f92721af3b95e74349a',
    bytes: 170_498_071,
  },
  cifar100: {
    url: 'https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz',
    md5: 'eb9058c3a382ffc7106e4002c42a8d85',
    bytes: 169_001_437,
  },
};

/** Tiny-ImageNet, which is added as images are; of its own name the archive has to be the published one. */
export const TINY_IMAGENET_NAME = 'tiny-imagenet';
export const TINY_IMAGENET_ARCHIVE: Archive = {
  url: 'http://cs231n.stanford.edu/tiny-imagenet-200.zip',
  md5: '90528d7ca1a48142e341f4ef8d21d0de',
  bytes: 248_100_043,
};

/** Bytes of one record: label bytes, then three planes. */
export function recordBytes(dataset: DatasetUse): number {
  const { labelBytes, imageSize } = infoOf(dataset);
  return labelBytes + 3 * imageSize ** 2;
}

/**
 * The files that a dataset has to consist of: those of its distribution, of another one those that its
 * manifest lists, of whole records each.
 */
export function expectedFiles({ dataset, info, files }: DatasetManifest): readonly ExpectedFile[] {
  if (isRegistered(dataset)) return EXPECTED_FILES[dataset];
  const use: DatasetUse = info === undefined ? { name: dataset } : { name: dataset, info };
  return files.map(({ name, role, bytes }) => {
    return { name, role, records: Math.floor(bytes / recordBytes(use)) };
  });
}

/** Registers files at hand, in the order they are expected in. */
export function manifestOf(
  dataset: DatasetName,
  files: ReadonlyMap<string, Uint8Array>,
): DatasetManifest {
  return {
    ...{ dataset, info: DATASETS[dataset] },
    files: EXPECTED_FILES[dataset].map(({ name, role }) => {
      const bytes = files.get(name);
      if (bytes === undefined) throw new TypeError(`${dataset} has no file ${name}`);
      return { name, role, digest: digestBytes(bytes), bytes: bytes.length };
    }),
  };
}
