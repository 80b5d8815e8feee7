import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { errorText, KdxError } from '../../leg/errors.ts';
import type { CodeIndex } from '../../study/code.ts';

/** Where the index is kept, from the root of the build. */
export const CODE_INDEX_FILE = 'learning/code.json';

/**
 * The code index of this build. A compiled one holds no sources to compute it from, and would match
 * none of theirs: it has the index of the sources that it was compiled from.
 *
 * @param program URL of a file of this build
 * @throws KdxError Configuration where the build is not complete
 */
export async function codeIndexOfBuild(
  root: string,
  program: string = import.meta.url,
): Promise<CodeIndex> {
  if (program.endsWith('.ts')) {
    // A compiled build needs no parser.
    const { computeCodeIndex } = await import('../code.ts');
    return computeCodeIndex(root);
  }
  try {
    return JSON.parse(await readFile(join(root, CODE_INDEX_FILE), 'utf8')) as CodeIndex;
  } catch (cause) {
    const message = `This build has no code index: ${errorText(cause)}`;
    throw new KdxError('Configuration', message, { cause });
  }
}
