import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { errorText, KdxError } from '../leg/errors.ts';
import { DISTILLER_NAMES } from '../study/catalog.ts';
import { MODEL_NAMES, type ModelName } from '../study/models/models.ts';
import { MODELS } from '../study/models/registry.ts';
import type { CodeIndex } from '../study/code.ts';

/**
 * The code index: digests of the sources that compute a leg, in parts, so that a change retrains
 * only what it touches. The registries of models and distillers stand in no part: an entry more
 * changes no result. Loads nothing of TensorFlow.
 */

/** Where the index is kept, from the root of the repository. */
export const CODE_INDEX_FILE = 'learning/code.json';

/** The parts of one kind of leg; everything else in `learning/` itself is the core. */
const EVALUATE = ['learning/evaluation/evaluate.ts', 'learning/models/fold.ts'];
const EXPLAIN = ['learning/explanation/explain.ts', 'learning/explanation/'];
const TEACH = ['learning/teaching/teach.ts'];
const VAM = ['learning/models/vam.ts', 'learning/models/fold.ts'];
/** Computes no result. */
const APART = ['code', 'gpu', 'ports', 'progress'].map((name) => `learning/${name}.ts`);
const DATA = ['learning/data/', 'study/dataset-manifest.ts', 'study/datasets.ts'];
const SHARED_BY_MODELS = ['learning/models/options.ts', 'study/models/'];
const SHARED_BY_DISTILLERS = ['learning/distillers/distiller.ts', 'learning/distillers/rows.ts'];

/** Computes the index of the sources under `root`. @throws KdxError Configuration where one is missing */
export function computeCodeIndex(root: string): CodeIndex {
  const digest = (paths: readonly string[], extra = ''): string => digestOf(root, paths, extra);
  const top = filesUnder(root, 'learning/', false).filter(
    (path) => ![...EVALUATE, ...EXPLAIN, ...TEACH, ...APART].includes(path),
  );
  const core = [
    ...top,
    'learning/engine/',
    ...SHARED_BY_MODELS,
    'learning/distillers/distiller.ts',
  ];
  return {
    core: digest(core, tfjsVersion(root)),
    data: digest(DATA),
    evaluate: digest(EVALUATE),
    explain: digest(EXPLAIN),
    teach: digest(TEACH),
    vam: digest(VAM),
    models: tableOf(MODEL_NAMES, (name) => digest([sourcesOf(name), ...SHARED_BY_MODELS], name)),
    distillers: tableOf(DISTILLER_NAMES, (name) =>
      digest([`learning/distillers/${name}.ts`, ...SHARED_BY_DISTILLERS]),
    ),
  };
}

function tableOf<Name extends string>(
  names: readonly Name[],
  digest: (name: Name) => string,
): Readonly<Record<Name, string>> {
  return Object.fromEntries(names.map((name) => [name, digest(name)])) as Record<Name, string>;
}

function sourcesOf(model: ModelName): string {
  return `learning/models/${MODELS[model].family}.ts`;
}

/** Sources, TypeScript's and C++'s, under a folder (its name ends in a slash), in order. */
function filesUnder(root: string, folder: string, recursive: boolean): string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true, recursive });
  const paths = entries
    .filter((entry) => entry.isFile() && /\.(ts|js|cc|h)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(join(root, '/').length));
  return paths.toSorted();
}

function digestOf(root: string, paths: readonly string[], extra: string): string {
  const hash = createHash('sha256').update(`${extra}\n`);
  try {
    const files = paths.flatMap((path) =>
      path.endsWith('/') ? filesUnder(root, path, true) : [path],
    );
    for (const path of files) {
      const content = createHash('sha256').update(readFileSync(join(root, path)));
      hash.update(`${path} ${content.digest('hex')}\n`);
    }
  } catch (cause) {
    const message = `The sources under ${root} are not complete: ${errorText(cause)}`;
    throw new KdxError('Configuration', message, { cause });
  }
  return hash.digest('hex');
}

/** The version of tfjs; that of TensorFlow itself is part of the device class. */
function tfjsVersion(root: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { dependencies } = manifest as { dependencies: Record<string, string> };
  return dependencies['@tensorflow/tfjs-node'] ?? 'none';
}
