import { KdxError } from '../leg/errors.ts';
import { canonicalJson } from '../study/canonical.ts';
import type { CodeIndex } from '../study/code.ts';
import { DATASET_NAMES } from '../study/datasets.ts';
import { MODEL_NAMES } from '../study/models/models.ts';
import { MODELS } from '../study/models/registry.ts';
import { openClosures } from './code/closure.ts';

/**
 * The code index: a digest of everything that a part of a leg makes run, so that a change retrains
 * what it touches and nothing else. Loads nothing of TensorFlow.
 */

/** What every leg runs: the environment of its process, and the way to its kind. */
const EVERY_LEG = ['learning/engine/environment.ts', 'learning/leg.ts'];

/** Where closures stop. Each lists its parts by the names of their files. */
const REGISTRIES = {
  kinds: 'learning/registry.ts',
  models: 'learning/models/registry.ts',
  datasets: 'study/datasets/registry.ts',
  distillers: 'distillers/registry.ts',
} as const;

/**
 * Computes the index of the sources under `root`.
 *
 * @throws KdxError Configuration where a source is missing, CodeBug where it cannot be followed
 */
export function computeCodeIndex(root: string): CodeIndex {
  const { digest, entries } = openClosures(root);
  const listed = (part: keyof typeof REGISTRIES): Listed => {
    return { registry: REGISTRIES[part], files: entries(REGISTRIES[part]) };
  };
  const kinds = listed('kinds');
  const models = listed('models');
  const distillers = listed('distillers');
  const kind = (name: string): string => digest([...EVERY_LEG, fileOf(kinds, name)]);
  return {
    kinds: {
      train: kind('train'),
      teach: kind('teach'),
      evaluate: kind('evaluate'),
      explain: kind('explain'),
    },
    models: tableOf(MODEL_NAMES, (name) => {
      // One file builds a family; the numbers of each of its models are its own.
      const { family, settings, options } = MODELS[name];
      return digest([fileOf(models, family)], canonicalJson({ settings, options }));
    }),
    vam: digest([fileOf(models, 'vam')]),
    distillers: tableOf([...distillers.files.keys()], (name) => digest([fileOf(distillers, name)])),
    datasets: tableOf(DATASET_NAMES, (name) => digest([fileOf(listed('datasets'), name)])),
  };
}

type Listed = { readonly registry: string; readonly files: ReadonlyMap<string, string> };

function fileOf({ registry, files }: Listed, name: string): string {
  const path = files.get(name);
  if (path !== undefined) return path;
  const allowed = [...files.keys()].join(', ');
  throw new KdxError('CodeBug', `${registry} imports no file ${name}.ts, but ${allowed}.`);
}

function tableOf<Name extends string>(
  names: readonly Name[],
  digest: (name: Name) => string,
): Readonly<Record<Name, string>> {
  return Object.fromEntries(names.map((name) => [name, digest(name)])) as Record<Name, string>;
}
