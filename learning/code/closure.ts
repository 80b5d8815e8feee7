import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, posix } from 'node:path';

import { errorText, KdxError } from '../../leg/errors.ts';
import { importsOf, type Imports } from './imports.ts';

/** Digests of what sources make run, and what a registry lists. Paths are from the root. */
export type Closures = {
  /** Digest of the import closures of these files together, and of `extra`. */
  readonly digest: (roots: readonly string[], extra?: string) => string;
  /** The files that a registry lists, by their names without extension. */
  readonly entries: (registry: string) => ReadonlyMap<string, string>;
};

/** A registry holds names and no numbers: what stands in it is found by name, one by one. */
const REGISTRY = 'registry.ts';
const PARSED = /\.ts$/;
/** Packages whose version changes what is computed; TensorFlow's own is part of the device class. */
const COMPUTING_PACKAGE = /^(?:@tensorflow\/[^/]+|onnxruntime-node)/;

type Source = { readonly digest: string; readonly next: readonly string[] };

/** Reads sources under `root`, each once. @throws KdxError Configuration where one is missing */
export function openClosures(root: string): Closures {
  const read = (path: string): string => readText(root, path);
  const sources = new Map<string, Source>();
  const sourceOf = (path: string): Source => {
    const known = sources.get(path);
    if (known !== undefined) return known;
    const source = COMPUTING_PACKAGE.test(path) ? packageOf(path, read) : fileOf(root, path, read);
    sources.set(path, source);
    return source;
  };
  return {
    digest: (roots, extra = '') => {
      const closure = closureOf(roots, sourceOf);
      const lines = closure.map((path) => `${path} ${sourceOf(path).digest}\n`);
      return sha256(`${extra}\n${lines.join('')}`);
    },
    entries: (registry) => {
      const { modules } = importsOf(registry, read(registry));
      const paths = modules.filter(isRelative).map((module) => beside(registry, module));
      return new Map(paths.map((path) => [basename(path, '.ts'), path]));
    },
  };
}

/** All that the roots make run, in order. A registry is left out, with all that it lists. */
function closureOf(roots: readonly string[], sourceOf: (path: string) => Source): string[] {
  const closure = new Set<string>();
  const open = [...roots];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (closure.has(path) || basename(path) === REGISTRY) continue;
    closure.add(path);
    open.push(...sourceOf(path).next);
  }
  return [...closure].toSorted();
}

function fileOf(root: string, path: string, read: (path: string) => string): Source {
  const text = read(path);
  const digest = sha256(text);
  if (!PARSED.test(path)) return { digest, next: [] };
  return { digest, next: nextOf(root, path, importsOf(path, text)) };
}

function nextOf(root: string, path: string, { modules, assets }: Imports): string[] {
  return [
    ...modules.filter(isRelative).map((module) => beside(path, module)),
    ...modules.flatMap((module) => COMPUTING_PACKAGE.exec(module)?.[0] ?? []),
    ...assets.flatMap((asset) => {
      const target = beside(path, asset);
      return asset.endsWith('/') ? filesUnder(root, target) : [target];
    }),
  ];
}

function packageOf(name: string, read: (path: string) => string): Source {
  const manifest = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
  return { digest: manifest.dependencies[name] ?? 'none', next: [] };
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith('./') || specifier.startsWith('../');
}

function beside(path: string, relative: string): string {
  return posix.join(posix.dirname(path), relative);
}

function filesUnder(root: string, folder: string): string[] {
  return missing(root, () => {
    const entries = readdirSync(join(root, folder), { withFileTypes: true, recursive: true });
    const files = entries.filter((entry) => entry.isFile());
    return files.map(({ parentPath, name }) =>
      join(parentPath, name).slice(join(root, '/').length),
    );
  });
}

/** A text as it is committed: how a checkout ends its lines changes no result. */
function readText(root: string, path: string): string {
  return missing(root, () => readFileSync(join(root, path), 'utf8').replaceAll('\r\n', '\n'));
}

function missing<T>(root: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const message = `The sources under ${root} are not complete: ${errorText(cause)}`;
    throw new KdxError('Configuration', message, { cause });
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
