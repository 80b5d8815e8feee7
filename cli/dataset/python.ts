import { KdxError } from '../../leg/errors.ts';
import { allowNumpy, isNumpyArray, numbersOf } from '../../formats/numpy.ts';
import { readPickle } from '../../formats/pickle.ts';
import { recordBytes } from '../../study/dataset-manifest.ts';
import { DATASETS } from '../../study/datasets.ts';
import type { ArchivedDataset } from './published.ts';

/**
 * CIFAR's python version: pickles of a dict with `data`, an array of uint8 whose rows are planes of red,
 * green and blue, and labels. It holds the images of the binary version, into whose records it is
 * converted. Nothing of a pickle is run.
 */

/** The file of the python version that becomes a file of the binary one. */
export function pythonName(file: string): string {
  return file.replace(/\.bin$/, '');
}

/** The file with the names of the classes, and what it calls them. */
export const PYTHON_META: Readonly<
  Record<ArchivedDataset, { readonly file: string; readonly key: string }>
> = {
  cifar10: { file: 'batches.meta', key: 'label_names' },
  cifar100: { file: 'meta', key: 'fine_label_names' },
};

/** Which lists of a batch hold the label bytes of a record, in their order. */
const LABEL_KEYS: Readonly<Record<ArchivedDataset, readonly string[]>> = {
  cifar10: ['labels'],
  cifar100: ['coarse_labels', 'fine_labels'],
};

/** A pickle of so many records is not longer than this many times their bytes. */
export const MOST_PYTHON_OVERHEAD = 1.5;

/**
 * Converts a batch to binary records.
 *
 * @param place which file, for messages
 * @throws KdxError `DataMismatch` naming the file, what is there and what is allowed
 */
export function recordsOfBatch(
  name: ArchivedDataset,
  place: string,
  records: number,
  bytes: Uint8Array,
): Uint8Array {
  const batch = readDict(name, place, bytes);
  const stride = recordBytes({ name });
  const labels = LABEL_KEYS[name].map((key) => labelsOf(name, place, batch, key, records));
  const pixels = pixelsOf(name, place, batch, records, stride - labels.length);
  const all = new Uint8Array(records * stride);
  for (let record = 0; record < records; record += 1) {
    const start = record * stride;
    labels.forEach((list, i) => void (all[start + i] = list[record] ?? 0));
    const values = stride - labels.length;
    all.set(pixels.subarray(record * values, (record + 1) * values), start + labels.length);
  }
  return all;
}

/** Holds the names of the classes against those that are known. @throws KdxError `DataMismatch` */
export function checkPythonMeta(name: ArchivedDataset, place: string, bytes: Uint8Array): void {
  const { key } = PYTHON_META[name];
  const found = readDict(name, place, bytes).get(key);
  const names = Array.isArray(found) ? found.map((text) => textOf(text).replaceAll('_', ' ')) : [];
  const wanted = DATASETS[name].classNames;
  const odd = wanted.findIndex((text, i) => names[i] !== text);
  if (odd < 0 && names.length === wanted.length) return;
  const at = odd < 0 ? wanted.length : odd;
  const problem = `${key} has ${JSON.stringify(names[at])} for class ${at}`;
  throw mismatch(name, place, `${problem}; wanted ${JSON.stringify(wanted[at])}`);
}

function readDict(
  name: ArchivedDataset,
  place: string,
  bytes: Uint8Array,
): ReadonlyMap<unknown, unknown> {
  const { value } = readPickle(bytes, { allow: allowNumpy }, `${name}: ${place}`);
  if (value instanceof Map) return value as ReadonlyMap<unknown, unknown>;
  throw mismatch(name, place, 'is a pickle of something else; wanted a dict');
}

function labelsOf(
  name: ArchivedDataset,
  place: string,
  batch: ReadonlyMap<unknown, unknown>,
  key: string,
  records: number,
): readonly number[] {
  const found = batch.get(key);
  const list = isNumpyArray(found) ? numbersOf(found) : found;
  if (!Array.isArray(list)) throw mismatch(name, place, `has no list ${key}`);
  if (list.length !== records) {
    throw mismatch(name, place, `has ${list.length} ${key}; wanted ${records}`);
  }
  const bad = list.findIndex((label) => !Number.isInteger(label) || label < 0 || label > 255);
  if (bad < 0) return list as readonly number[];
  const allowed = `0 to ${DATASETS[name].classes - 1}`;
  throw mismatch(name, place, `record ${bad} has ${key} ${String(list[bad])}; allowed: ${allowed}`);
}

function pixelsOf(
  name: ArchivedDataset,
  place: string,
  batch: ReadonlyMap<unknown, unknown>,
  records: number,
  values: number,
): Uint8Array {
  const data = batch.get('data');
  const wanted = `wanted uint8 of ${records} × ${values}, row by row`;
  if (!isNumpyArray(data)) throw mismatch(name, place, `has no array data; ${wanted}`);
  const { shape, type, isFortran } = data;
  if (type.code === 'u1' && !isFortran && shape.join() === [records, values].join())
    return data.data;
  const order = isFortran ? ', column by column' : '';
  throw mismatch(name, place, `has data of ${type.code}, ${shape.join(' × ')}${order}; ${wanted}`);
}

function textOf(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value);
}

function mismatch(name: ArchivedDataset, place: string, problem: string): KdxError {
  return new KdxError('DataMismatch', `${name}: ${place} ${problem}`);
}
