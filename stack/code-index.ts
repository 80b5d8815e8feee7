import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { CODE_INDEX_FILE } from '../learning/code/build.ts';
import { computeCodeIndex } from '../learning/code.ts';
import { readJson, writeJson } from './files.ts';
import { ROOT } from '../environment/root.ts';

/**
 * Brings the code index up to date with the sources, so that the worker plans with the code that the
 * legs will find. The worker may be reading it: it is replaced whole, and only when it differs.
 */
export async function refreshCodeIndex(): Promise<void> {
  const path = join(ROOT, CODE_INDEX_FILE);
  const index = computeCodeIndex(ROOT);
  const kept = await readJson(path).catch(() => undefined);
  if (!isDeepStrictEqual(kept, index)) await writeJson(path, index);
}
