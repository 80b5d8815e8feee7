/** What an image holds: the sources that its programs reach, and the packages that these reach. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, posix } from 'node:path';
import { importsOf } from '../learning/code/imports.ts';
import { KdxError } from '../leg/errors.ts';

type Recipe = {
  readonly programs: readonly string[];
  /** What they read that no import names. */
  readonly data: readonly string[];
  /** Packages that must not be reached: what a pod does not hold, nobody can make it use. */
  readonly without: readonly string[];
};

const DIGITS = ['README.md', 'test.bin.gz', 'train.bin.gz'].map(
  (name) => `learning/data/digits/${name}`,
);

/** A pod of a pool is a worker, and runs legs as its own processes. */
const IMAGES = {
  trainer: { programs: ['bin/trainer.ts'], data: [], without: ['@temporalio', '@kubernetes'] },
  worker: {
    programs: ['bin/worker.ts', 'bin/reporter.ts'],
    data: DIGITS,
    without: ['@tensorflow', 'onnxruntime'],
  },
  pool: { programs: ['bin/worker.ts', 'bin/trainer.ts'], data: [], without: [] },
} as const satisfies Record<string, Recipe>;

export type ImageName = keyof typeof IMAGES;

export const IMAGE_NAMES = Object.keys(IMAGES) as ImageName[];

export type Contents = {
  /** Files of ours, from the root, in order. */
  readonly files: readonly string[];
  /** Folders of packages, from the root, in order: `node_modules/pino`. */
  readonly packages: readonly string[];
};

/** Of every build: that it is of ES modules, and whose it is. */
const COMMON = ['package.json', 'LICENSE', 'NOTICE'];

/**
 * Follows all imports, dynamic ones and threads' programs too, from the programs of an image.
 * @param root a checkout with its packages installed
 * @throws KdxError Configuration where a package that is imported is not installed,
 *   CodeBug where the image would hold what it must not
 */
export function contentsOf(root: string, image: ImageName): Contents {
  const { programs, data, without }: Recipe = IMAGES[image];
  const { files, imported } = reach(root, programs);
  const packages = packageClosure(root, imported);
  const forbidden = packages.find((folder) =>
    without.some((name) => folder.includes(`node_modules/${name}`)),
  );
  if (forbidden !== undefined) {
    throw new KdxError('CodeBug', `the image of the ${image} would hold ${forbidden}`);
  }
  return { files: [...new Set([...files, ...data, ...COMMON])].toSorted(), packages };
}

/** The files that programs of ours import, over any number of steps, and the packages beside them. */
function reach(
  root: string,
  programs: readonly string[],
): { readonly files: readonly string[]; readonly imported: readonly string[] } {
  const files = new Set<string>();
  const imported = new Set<string>();
  const open: string[] = [...programs];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (files.has(path)) continue;
    files.add(path);
    if (!/\.m?[jt]s$/.test(path)) continue;
    const { modules, assets } = importsOf(path, readFileSync(join(root, path), 'utf8'));
    for (const module of modules) {
      if (module.startsWith('.')) open.push(posix.join(dirname(path), module));
      else if (!isBuiltin(module)) imported.add(packageName(module));
    }
    for (const asset of assets) open.push(...filesOf(root, posix.join(dirname(path), asset)));
  }
  return { files: [...files], imported: [...imported] };
}

/** A file, or all files of a folder; `new URL('../', …)`, the root itself, reads nothing. */
function filesOf(root: string, path: string): readonly string[] {
  if (!path.endsWith('/')) return [path];
  if (path === './') return [];
  const entries = readdirSync(join(root, path), { withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => path + name);
}

/** `@scope/name` or `name` of whatever is imported of it. */
function packageName(module: string): string {
  return module.split('/', module.startsWith('@') ? 2 : 1).join('/');
}

type Manifest = {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
};

/** The folders of packages and of all that they depend on, as Node would find them. */
function packageClosure(root: string, names: readonly string[]): readonly string[] {
  const found = new Set<string>();
  const open = names.map((name) => required(root, '', name));
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    if (found.has(folder)) continue;
    found.add(folder);
    const manifest = JSON.parse(
      readFileSync(join(root, folder, 'package.json'), 'utf8'),
    ) as Manifest;
    const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = manifest;
    for (const name of Object.keys(dependencies)) {
      // Those of another platform are listed under both.
      if (!(name in optionalDependencies)) open.push(required(root, folder, name));
    }
    for (const name of Object.keys({ ...optionalDependencies, ...peerDependencies })) {
      open.push(...(locate(root, folder, name) ?? []));
    }
  }
  // A package within another's folder comes with that one.
  return [...found].filter((folder) => !isWithin(folder, found)).toSorted();
}

function required(root: string, from: string, name: string): string {
  const [folder] = locate(root, from, name) ?? [];
  if (folder !== undefined) return folder;
  const message = `${from || 'an image'} needs the package ${name}, which is not installed; run: npm ci`;
  throw new KdxError('Configuration', message);
}

/** Where Node finds a package from a folder: the nearest `node_modules` that has it. */
function locate(root: string, from: string, name: string): readonly [string] | undefined {
  const folder = posix.join(from, 'node_modules', name);
  if (existsSync(join(root, folder, 'package.json'))) return [folder];
  if (from === '') return undefined;
  const above = dirname(from);
  return locate(root, above === '.' ? '' : above, name);
}

function isWithin(folder: string, found: ReadonlySet<string>): boolean {
  for (let above = dirname(folder); above !== '.'; above = dirname(above)) {
    if (found.has(above)) return true;
  }
  return false;
}
