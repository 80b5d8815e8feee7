import { errorText, isKdxError } from '../../leg/errors.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { findManifest, storedNames } from '../../stores/datasets.ts';
import type { DatasetInfo } from '../../study/catalog.ts';
import {
  DIGITS_MANIFEST,
  manifestDigest,
  TINY_IMAGENET_NAME,
  type DatasetManifest,
} from '../../study/dataset-manifest.ts';
import { DATASET_NAMES, infoOf, isRegistered } from '../../study/datasets.ts';
import { inColumns } from '../columns.ts';

/** A dataset that a study may name, or might if it were added. */
export type ListedDataset = {
  readonly name: string;
  /** `unknown`: there is no store to ask. */
  readonly state: 'here' | 'not here' | 'damaged' | 'unknown';
  /** Digest of its manifest; absent where the store has none. */
  readonly digest?: string;
  /** What is damaged of it. */
  readonly problem?: string;
  /** What it is: absent where nobody knows before it is added. */
  readonly classes?: number;
  readonly superclasses?: number;
  /** Height and width of an image, in pixels. */
  readonly imageSize?: number;
  readonly trainImages?: number;
  readonly testImages?: number;
  readonly presets?: readonly string[];
  /** Of its files in the store. */
  readonly bytes?: number;
  /** The command that puts it into the store. */
  readonly needs?: string;
};

type ListStore = Pick<ArtifactStore, 'getJson' | 'getBlob' | 'location' | 'list'>;

/** Known before they are added; whatever else the store has follows. */
const ADDABLE: readonly string[] = [...DATASET_NAMES, TINY_IMAGENET_NAME];

/** Every dataset that a study may name or that could be added. Without a store only the digits are known. */
export async function listDatasets(
  store: ListStore | undefined,
): Promise<readonly ListedDataset[]> {
  const stored = store === undefined ? [] : await storedNames(store);
  const names = [...ADDABLE, ...stored.filter((name) => !ADDABLE.includes(name))];
  return Promise.all(names.map((name) => describe(store, name)));
}

async function describe(store: ListStore | undefined, name: string): Promise<ListedDataset> {
  if (name === 'digits') return here(name, DIGITS_MANIFEST);
  const facts = isRegistered(name) ? factsOf(infoOf({ name })) : {};
  const needs = `kdx dataset add ${name}${ADDABLE.includes(name) ? '' : ' --from …'}`;
  if (store === undefined) return { name, state: 'unknown', ...facts, needs };
  try {
    const manifest = await findManifest(store, name);
    if (manifest !== undefined) return here(name, manifest);
    return { name, state: 'not here', ...facts, needs };
  } catch (error) {
    if (!isKdxError(error) || error.code !== 'DataMismatch') throw error;
    return { name, state: 'damaged', problem: errorText(error), ...facts, needs };
  }
}

function here(name: string, manifest: DatasetManifest): ListedDataset {
  const { info } = manifest;
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  const facts = factsOf(infoOf(info === undefined ? { name } : { name, info }));
  return { name, state: 'here', digest: manifestDigest(manifest), ...facts, bytes };
}

function factsOf(info: DatasetInfo) {
  const { classes, superclasses, imageSize, trainImages, testImages, presets } = info;
  return {
    classes,
    ...(superclasses === undefined ? {} : { superclasses: superclasses.length }),
    ...{ imageSize, trainImages, testImages, presets: Object.keys(presets) },
  };
}

const MEGA = 1e6;

/** A table, and below it how what is not here comes here. */
export function datasetLines(datasets: readonly ListedDataset[]): readonly string[] {
  const rows = datasets.map((dataset) => {
    const { name, state, classes, superclasses, imageSize, trainImages, testImages } = dataset;
    const grouped = superclasses === undefined ? '' : ` in ${superclasses}`;
    return [
      ...[name, state === 'unknown' ? 'not known' : state],
      classes === undefined ? '–' : `${classes}${grouped}`,
      imageSize === undefined ? '–' : `${imageSize}×${imageSize}`,
      ...[trainImages, testImages].map((images) => String(images ?? '–')),
      dataset.bytes === undefined ? '–' : (dataset.bytes / MEGA).toFixed(1),
      dataset.presets?.join(', ') ?? '–',
      dataset.digest?.slice(0, 12) ?? dataset.problem ?? '',
    ];
  });
  const head = [
    'dataset',
    'state',
    'classes',
    'pixels',
    'train',
    'test',
    'MB',
    'presets',
    'digest',
  ];
  const needs = datasets.flatMap(({ needs: command }) => (command === undefined ? [] : [command]));
  const remedy = needs.length === 0 ? [] : ['', ...needs.map((command) => `  ${command}`)];
  return [...inColumns([head, ...rows]), ...remedy];
}
