import { errorText, isKdxError, KdxError } from '../../leg/errors.ts';
import type { DatasetInfo } from '../../study/catalog.ts';
import { readDatasetInfo } from '../../study/dataset-info.ts';
import {
  expectedFiles,
  type DatasetFile,
  type DatasetManifest,
  type DatasetRole,
} from '../../study/dataset-manifest.ts';
import type { LegSpec } from '../../study/spec.ts';
import { infoOf, isRegistered, type DatasetUse } from '../../study/datasets.ts';
import { normalisation } from './batches.ts';
import type { BatchSource } from './batch.ts';
import {
  createImageSet,
  decodeRecords,
  readLabels,
  unpack,
  type ImageSet,
  type RecordFile,
} from './records.ts';
import { splitImages, type Split } from './split.ts';

/** A dataset in memory: the images that its split uses, decoded once. */
export type Dataset = {
  readonly name: string;
  readonly info: DatasetInfo;
  readonly train: BatchSource;
  readonly test: BatchSource;
  readonly split: Split;
};

type ReadBlob = (digest: string) => Promise<Uint8Array>;

/**
 * Reads a dataset by the digest of its manifest and checks all of it: the files there are, their
 * sizes, their records and labels. Files are read one after another, and twice: for the labels, which
 * the split is drawn by, and for the images that it uses. So never more than one file is in memory.
 *
 * @throws KdxError DataMismatch naming the file, SpecInvalid where split or preset do not fit
 */
export async function loadDataset(spec: LegSpec['dataset'], readBlob: ReadBlob): Promise<Dataset> {
  const manifest = parseManifest(spec, await readBlob(spec.digest));
  const dataset = useOf(manifest);
  const table = normalisation(dataset, spec.preset);
  const expected = expectedFiles(manifest);
  const filesOf = (role: DatasetRole): Files => ({
    dataset,
    files: manifest.files.flatMap((file, i) =>
      file.role === role ? [{ ...file, records: expected[i]?.records ?? 0 }] : [],
    ),
    readBlob,
  });
  const [train, test] = [filesOf('train'), filesOf('test')];
  const [trainLabels, testLabels] = [await labelsOf(train), await labelsOf(test)];
  const split = splitImages(spec.split, trainLabels, testLabels);
  const drawn = together(split.train, split.validation);
  return {
    ...{ name: spec.name, info: infoOf(dataset), split },
    train: { set: await imagesOf(train, trainLabels, drawn), normalisation: table },
    test: { set: await imagesOf(test, testLabels, split.test), normalisation: table },
  };
}

/** Positions of either list, ascending. */
function together(a: Uint32Array, b: Uint32Array): Uint32Array {
  const all = new Uint32Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all.sort();
}

/** Train or test files of a dataset, in reading order. */
type Files = {
  readonly dataset: DatasetUse;
  readonly files: readonly (DatasetFile & RecordFile)[];
  readonly readBlob: ReadBlob;
};

/** The classes of all images. */
async function labelsOf({ dataset, files, readBlob }: Files): Promise<Uint8Array> {
  const labels: Uint8Array[] = [];
  for (const file of files) {
    const bytes = await readFile(dataset, file, readBlob);
    labels.push(readLabels(dataset, file, bytes));
  }
  return Buffer.concat(labels);
}

/** The images at some positions, ascending; files without any of them are not read. */
async function imagesOf(
  { dataset, files, readBlob }: Files,
  labels: Uint8Array,
  used: Uint32Array,
): Promise<ImageSet> {
  const set = createImageSet(dataset, labels, used);
  let first = 0;
  for (const file of files) {
    const start = first;
    const end = start + file.records;
    if (used.some((image) => image >= start && image < end)) {
      decodeRecords(dataset, await readFile(dataset, file, readBlob), set, start);
    }
    first = end;
  }
  return set;
}

function useOf({ dataset: name, info }: DatasetManifest): DatasetUse {
  return info === undefined || isRegistered(name) ? { name } : { name, info };
}

/** The manifest, held against the spec and the files the dataset has to have. */
function parseManifest(spec: LegSpec['dataset'], bytes: Uint8Array): DatasetManifest {
  const manifest = parseJson(spec.name, bytes) as DatasetManifest;
  if (!isRegistered(spec.name)) checkInfo(spec, manifest);
  const names = (files: readonly { readonly name: string }[]): string =>
    files.map(({ name }) => name).join(', ');
  const found = Array.isArray(manifest?.files) ? names(manifest.files) : 'none';
  const wanted = names(expectedFiles({ ...manifest, dataset: spec.name }));
  if (manifest?.dataset === spec.name && found === wanted) return manifest;
  throw new KdxError(
    'DataMismatch',
    `${spec.name}: manifest ${spec.digest} lists ${found} of ${String(manifest?.dataset)}; wanted ${wanted}.`,
  );
}

/** Of a dataset that is not registered, the manifest alone says what it is; the plan went by that. */
function checkInfo({ name, digest, sizes }: LegSpec['dataset'], manifest: DatasetManifest): void {
  const info = readDatasetInfo(manifest?.info);
  const refuse = (problem: string): never => {
    throw new KdxError('DataMismatch', `${name}: manifest ${digest} ${problem}.`);
  };
  if (info === undefined || !Array.isArray(manifest.files))
    return refuse('does not say what it is');
  if (info.classes === sizes?.classes && info.imageSize === sizes.imageSize) return;
  const text = (of: typeof sizes): string => `${of?.classes} classes of ${of?.imageSize} pixels`;
  refuse(`has ${text(info)}; wanted ${text(sizes)}`);
}

function parseJson(dataset: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new KdxError(
      'DataMismatch',
      `${dataset}: its manifest is no JSON: ${errorText(error)}.`,
      {
        cause: error,
      },
    );
  }
}

/** A file as its records are. */
async function readFile(
  { name: dataset }: DatasetUse,
  file: DatasetFile,
  readBlob: ReadBlob,
): Promise<Uint8Array> {
  const packed = await readBlob(file.digest).catch((error: unknown) => {
    if (!isKdxError(error) || error.code !== 'DataMismatch') throw error;
    const message = `${dataset}: ${file.name} is damaged: ${error.message}`;
    throw new KdxError('DataMismatch', message, { cause: error });
  });
  if (packed.length !== file.bytes) {
    throw new KdxError(
      'DataMismatch',
      `${dataset}: ${file.name} has ${packed.length} bytes; wanted ${file.bytes}.`,
    );
  }
  return unpack(file.name, packed);
}
