import { stat } from 'node:fs/promises';

import { errorText, KdxError } from '../../../leg/errors.ts';
import { fileKind } from '../file-kind.ts';
import { openFolder } from './folder.ts';
import { openTar } from './tar.ts';
import type { Tree } from './tree.ts';
import { openZip } from './zip.ts';

/**
 * Opens a folder, a zip or a tar with images, known by what they are and not by their names.
 *
 * @throws KdxError `DataMismatch` where it is none of them, or refused
 */
export async function openTree(name: string, path: string): Promise<Tree> {
  const found = await stat(path).catch((cause: unknown) => {
    const message = `${name}: ${path} cannot be read: ${errorText(cause)}`;
    throw new KdxError('DataMismatch', message, { cause });
  });
  if (found.isDirectory()) return openFolder(path);
  const kind = await fileKind(path);
  if (kind === 'zip') return openZip(path);
  if (kind === 'gzip' || kind === 'tar') return openTar(path);
  const what = kind === 'web page' ? 'a web page' : 'something else';
  const allowed = 'a folder, or a .zip, .tar or .tar.gz of one';
  throw new KdxError('DataMismatch', `${name}: ${path} is ${what}; allowed: ${allowed}`);
}
