import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { CODE_INDEX_FILE } from '../learning/code/build.ts';
import { computeCodeIndex } from '../learning/code.ts';
import { KdxError } from '../leg/errors.ts';
import { readJson, writeJson } from './files.ts';
import { ROOT } from '../environment/root.ts';

/**
 * Brings the code index up to date with the sources, so that the worker plans with the code that the
 * legs will find. The worker may be reading it: it is replaced whole, and only when it differs.
 * @throws KdxError `Configuration` where it differs and is another user's
 */
export async function refreshCodeIndex(): Promise<void> {
  const path = join(ROOT, CODE_INDEX_FILE);
  const index = computeCodeIndex(ROOT);
  const kept = await readJson(path).catch(() => undefined);
  if (isDeepStrictEqual(kept, index)) return;
  try {
    await writeJson(path, index);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (!['EACCES', 'EPERM', 'EROFS'].includes(code)) throw cause;
    const message = `${path}: not that of these sources, and you may not write it (${code})`;
    throw new KdxError('Configuration', `${message}; let its owner run: npm run setup`, { cause });
  }
}
