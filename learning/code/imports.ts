import { parseSync } from 'oxc-parser';

import { KdxError } from '../../leg/errors.ts';

/** What a source makes run: specifiers as they are written, and paths beside it. */
export type Imports = {
  /** Specifiers of runtime imports and re-exports, static and dynamic. */
  readonly modules: readonly string[];
  /** Paths `p` in `new URL('p', import.meta.url)`: a thread's program, or a folder of C++. */
  readonly assets: readonly string[];
};

/** The form that bundlers know, too; `(?:\.{1,2}\/)` leaves out `new URL('.', …)`, which reads nothing. */
const ASSET = /\bnew URL\(\s*(['"`])(\.{1,2}\/[^'"`]*)\1,\s*import\.meta\.url,?\s*\)/g;

/**
 * What a TypeScript or JavaScript source imports at run time; imports of types compute nothing.
 *
 * @throws KdxError CodeBug where the source is none, or imports by a computed name
 */
export function importsOf(path: string, source: string): Imports {
  const { module, errors } = parseSync(path, source);
  const [error] = errors;
  if (error !== undefined) {
    throw new KdxError('CodeBug', `${path} cannot be parsed: ${error.message}`);
  }
  const imported = module.staticImports
    .filter(({ entries }) => entries.length === 0 || entries.some(({ isType }) => !isType))
    .map(({ moduleRequest }) => moduleRequest.value);
  const exported = module.staticExports
    .flatMap(({ entries }) => entries)
    .flatMap(({ isType, moduleRequest }) =>
      isType || moduleRequest === null ? [] : [moduleRequest.value],
    );
  const dynamic = module.dynamicImports.map(({ moduleRequest: { start, end } }) =>
    literal(path, source.slice(start, end)),
  );
  const assets = [...source.matchAll(ASSET)].map((match) => match[2] as string);
  return { modules: [...imported, ...exported, ...dynamic], assets };
}

/** The text of a quoted specifier. */
function literal(path: string, expression: string): string {
  const match = /^(['"`])([^'"`$]*)\1$/.exec(expression.trim());
  if (match !== null) return match[2] as string;
  const message = `${path} imports ${expression}; allowed: a quoted name, so that its code is known.`;
  throw new KdxError('CodeBug', message);
}
