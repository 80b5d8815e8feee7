import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText, KdxError } from '../leg/errors.ts';
import { readDatasetInfo } from '../study/dataset-info.ts';
import {
  DIGITS_FOLDER,
  DIGITS_MANIFEST,
  manifestBytes,
  manifestDigest,
  manifestOf,
  type DatasetFile,
  type DatasetManifest,
} from '../study/dataset-manifest.ts';
import { isRegistered, type DatasetName } from '../study/datasets.ts';
import { absentDataset, problemsText } from '../study/resolve.ts';
import { sha256, type ArtifactStore } from './artifacts.ts';
import { datasetName, DATASETS_PREFIX } from './names.ts';

/** The files of a dataset by name, in reading order. */
export type DatasetFiles = ReadonlyMap<string, Uint8Array>;

/** What lies at a dataset's name. */
type Pointer = { readonly schema: 1; readonly dataset: string; readonly manifest: string };

/**
 * Stores a registered dataset: its files and its manifest by digest, then the name, which makes it
 * visible. An interrupted call leaves the dataset of that name as it was. Returns the digest of the
 * manifest.
 */
export async function publishDataset(
  store: Pick<ArtifactStore, 'putBlob' | 'putLatest'>,
  name: DatasetName,
  files: DatasetFiles,
): Promise<string> {
  const bytesOf = async ({ name: file }: DatasetFile): Promise<Uint8Array> =>
    files.get(file) as Uint8Array;
  return publishManifest(store, manifestOf(name, files), bytesOf);
}

/** Stores any dataset, as `publishDataset` does. @param bytesOf asked for one file after another */
export async function publishManifest(
  store: Pick<ArtifactStore, 'putBlob' | 'putLatest'>,
  manifest: DatasetManifest,
  bytesOf: (file: DatasetFile) => Promise<Uint8Array>,
): Promise<string> {
  for (const file of manifest.files) await store.putBlob(await bytesOf(file));
  await store.putBlob(manifestBytes(manifest));
  const digest = manifestDigest(manifest);
  const pointer: Pointer = { schema: 1, dataset: manifest.dataset, manifest: digest };
  await store.putLatest(datasetName(manifest.dataset), Buffer.from(`${JSON.stringify(pointer)}\n`));
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
  const files: Uint8Array[] = [];
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
    files.push(bytes);
  }
  // All at once: each that is there and old takes two seconds.
  await Promise.all(
    [...files, manifestBytes(DIGITS_MANIFEST)].map((bytes) => store.putBlob(bytes)),
  );
  return manifestDigest(DIGITS_MANIFEST);
}

type ReadStore = Pick<ArtifactStore, 'getJson' | 'getBlob' | 'location'>;

/**
 * The manifest of a dataset: of the digits the shipped one, of others that of the store, whatever
 * machine asks. Undefined where the store has none.
 * @throws KdxError `DataMismatch` where name or manifest are damaged, or the manifest is missing
 */
export async function findManifest(
  store: ReadStore,
  name: string,
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

/** Names of all datasets in the store, in order. */
export async function storedNames(store: Pick<ArtifactStore, 'list'>): Promise<readonly string[]> {
  const objects = await store.list(DATASETS_PREFIX);
  return objects.map((object) => object.slice(DATASETS_PREFIX.length).replace(/\.json$/, ''));
}

/**
 * As `findManifest`.
 * @throws KdxError also where there is none, with the remedy: `DataMismatch` of a registered dataset,
 *   `SpecInvalid` of a name that nobody knows
 */
export async function requireManifest(store: ReadStore, name: string): Promise<DatasetManifest> {
  const manifest = await findManifest(store, name);
  if (manifest !== undefined) return manifest;
  if (!isRegistered(name)) {
    const problem = absentDataset({ dataset: { name } }, store.location);
    throw new KdxError('SpecInvalid', problemsText([problem]));
  }
  const remedy = `kdx dataset add ${name} … stores it (kdx dataset --help)`;
  throw new KdxError('DataMismatch', `${name} is not in ${store.location}; ${remedy}`);
}

async function readManifest(
  store: ReadStore,
  name: string,
  digest: string,
): Promise<DatasetManifest> {
  const bytes = await store.getBlob(digest);
  try {
    const manifest = JSON.parse(new TextDecoder().decode(bytes)) as DatasetManifest;
    if (manifest.dataset !== name) throw new TypeError(`it is that of ${manifest.dataset}`);
    if (!isRegistered(name) && readDatasetInfo(manifest.info) === undefined) {
      throw new TypeError('it does not say what the dataset is');
    }
    return manifest;
  } catch (cause) {
    const message = `${name}: blob ${digest} is not its manifest: ${errorText(cause)}`;
    throw new KdxError('DataMismatch', message, { cause });
  }
}

function isPointerOf(name: string, value: unknown): value is Pointer {
  if (typeof value !== 'object' || value === null) return false;
  const { schema, dataset, manifest } = value as Partial<Record<keyof Pointer, unknown>>;
  return schema === 1 && dataset === name && /^[0-9a-f]{64}$/.test(String(manifest));
}
