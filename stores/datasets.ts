import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText, KdxError } from '../leg/errors.ts';
import {
  DIGITS_FOLDER,
  DIGITS_MANIFEST,
  manifestBytes,
  manifestDigest,
  manifestOf,
  type DatasetManifest,
} from '../study/dataset-manifest.ts';
import type { DatasetName } from '../study/datasets.ts';
import { sha256, type ArtifactStore } from './artifacts.ts';
import { datasetName } from './names.ts';

/** The files of a dataset by name, in reading order. */
export type DatasetFiles = ReadonlyMap<string, Uint8Array>;

/** What lies at a dataset's name. */
type Pointer = { readonly schema: 1; readonly dataset: DatasetName; readonly manifest: string };

/**
 * Stores a dataset: its files and its manifest by digest, then the name, which makes it visible. An
 * interrupted call leaves the dataset of that name as it was. Returns the digest of the manifest.
 */
export async function publishDataset(
  store: Pick<ArtifactStore, 'putBlob' | 'putLatest'>,
  name: DatasetName,
  files: DatasetFiles,
): Promise<string> {
  const digest = await putDataset(store, name, files);
  const pointer: Pointer = { schema: 1, dataset: name, manifest: digest };
  await store.putLatest(datasetName(name), Buffer.from(`${JSON.stringify(pointer)}\n`));
  return digest;
}

/**
 * Stores the digits that come with a checkout. They have no name in the store: every build knows
 * their digest. @throws KdxError `DataMismatch` naming the file that is missing or changed
 */
export async function publishDigits(
  store: Pick<ArtifactStore, 'putBlob'>,
  root: string,
): Promise<string> {
  const files = new Map<string, Uint8Array>();
  for (const { name, digest } of DIGITS_MANIFEST.files) {
    const path = join(root, DIGITS_FOLDER, name);
    const bytes = await readFile(path).catch((cause: unknown) => {
      throw new KdxError('DataMismatch', `digits: ${path} cannot be read`, { cause });
    });
    const found = sha256(bytes);
    if (found !== digest) {
      const message = `digits: ${path} has sha256 ${found}; registered is ${digest}`;
      throw new KdxError('DataMismatch', message);
    }
    files.set(name, bytes);
  }
  return putDataset(store, 'digits', files);
}

async function putDataset(
  store: Pick<ArtifactStore, 'putBlob'>,
  name: DatasetName,
  files: DatasetFiles,
): Promise<string> {
  const manifest = manifestOf(name, files);
  for (const bytes of files.values()) await store.putBlob(bytes);
  await store.putBlob(manifestBytes(manifest));
  return manifestDigest(manifest);
}

type ReadStore = Pick<ArtifactStore, 'getJson' | 'getBlob' | 'location'>;

/**
 * The manifest of a dataset: of the digits the shipped one, of others that of the store, whatever
 * machine asks. Undefined where the store has none.
 * @throws KdxError `DataMismatch` where name or manifest are damaged, or the manifest is missing
 */
export async function findManifest(
  store: ReadStore,
  name: DatasetName,
): Promise<DatasetManifest | undefined> {
  if (name === 'digits') return DIGITS_MANIFEST;
  const object = datasetName(name);
  const pointer = await store.getJson(object);
  if (pointer === undefined) return undefined;
  if (!isPointerOf(name, pointer)) {
    const remedy = `kdx dataset add ${name} … writes it again`;
    const message = `${store.location}/${object} is no dataset's name of schema 1; ${remedy}`;
    throw new KdxError('DataMismatch', message);
  }
  return readManifest(store, name, pointer.manifest);
}

/** As `findManifest`. @throws KdxError `DataMismatch` also where there is none, with the remedy */
export async function requireManifest(
  store: ReadStore,
  name: DatasetName,
): Promise<DatasetManifest> {
  const manifest = await findManifest(store, name);
  if (manifest !== undefined) return manifest;
  const remedy = `kdx dataset add ${name} … stores it (kdx dataset --help)`;
  throw new KdxError('DataMismatch', `${name} is not in ${store.location}; ${remedy}`);
}

async function readManifest(
  store: ReadStore,
  name: DatasetName,
  digest: string,
): Promise<DatasetManifest> {
  const bytes = await store.getBlob(digest);
  try {
    const manifest = JSON.parse(new TextDecoder().decode(bytes)) as DatasetManifest;
    if (manifest.dataset !== name) throw new TypeError(`it is that of ${manifest.dataset}`);
    return manifest;
  } catch (cause) {
    const message = `${name}: blob ${digest} is not its manifest: ${errorText(cause)}`;
    throw new KdxError('DataMismatch', message, { cause });
  }
}

function isPointerOf(name: DatasetName, value: unknown): value is Pointer {
  if (typeof value !== 'object' || value === null) return false;
  const { schema, dataset, manifest } = value as Partial<Record<keyof Pointer, unknown>>;
  return schema === 1 && dataset === name && /^[0-9a-f]{64}$/.test(String(manifest));
}
