import { errorText, isKdxError, KdxError } from '../../leg/errors.ts';
import {
  EXPECTED_FILES,
  type DatasetFile,
  type DatasetManifest,
  type DatasetRole,
} from '../../study/dataset-manifest.ts';
import type { LegSpec } from '../../study/spec.ts';
import type { DatasetName } from '../../study/datasets.ts';
import { normalisation } from './batches.ts';
import type { BatchSource } from './batch.ts';
import { concatenate, decodeRecords, unpack } from './records.ts';
import { splitImages, type Split } from './split.ts';

/** A dataset in memory, decoded once, with the images of each part of the split. */
export type Dataset = {
  readonly name: DatasetName;
  readonly train: BatchSource;
  readonly test: BatchSource;
  readonly split: Split;
};

type ReadBlob = (digest: string) => Promise<Uint8Array>;

/**
 * Reads a dataset by the digest of its manifest and checks all of it: the files there are, their
 * sizes, their records and labels.
 *
 * @throws KdxError DataMismatch naming the file, SpecInvalid where split or preset do not fit
 */
export async function loadDataset(spec: LegSpec['dataset'], readBlob: ReadBlob): Promise<Dataset> {
  const table = normalisation(spec.name, spec.preset);
  const manifest = parseManifest(spec, await readBlob(spec.digest));
  const read = async (role: DatasetRole): Promise<BatchSource> => {
    const files = manifest.files.filter((file) => file.role === role);
    const sets = await Promise.all(files.map((file) => readFile(spec.name, file, readBlob)));
    return { set: concatenate(sets), normalisation: table };
  };
  const [train, test] = [await read('train'), await read('test')];
  const split = splitImages(spec.split, train.set.labels, test.set.labels);
  return { name: spec.name, train, test, split };
}

/** The manifest, held against the files the dataset has to have. */
function parseManifest(spec: LegSpec['dataset'], bytes: Uint8Array): DatasetManifest {
  const manifest = parseJson(spec.name, bytes) as DatasetManifest;
  const names = (files: readonly { readonly name: string }[]): string =>
    files.map(({ name }) => name).join(', ');
  const found = Array.isArray(manifest?.files) ? names(manifest.files) : 'none';
  const wanted = names(EXPECTED_FILES[spec.name]);
  if (manifest?.dataset === spec.name && found === wanted) return manifest;
  throw new KdxError(
    'DataMismatch',
    `${spec.name}: manifest ${spec.digest} lists ${found} of ${String(manifest?.dataset)}; wanted ${wanted}.`,
  );
}

function parseJson(dataset: DatasetName, bytes: Uint8Array): unknown {
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

async function readFile(dataset: DatasetName, file: DatasetFile, readBlob: ReadBlob) {
  const expected = EXPECTED_FILES[dataset].find(({ name }) => name === file.name);
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
  const { name, records } = expected as { name: string; records: number };
  return decodeRecords(dataset, { name, records }, unpack(name, packed));
}
