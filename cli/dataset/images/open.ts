import { open, stat } from 'node:fs/promises';

import { errorText, KdxError } from '../../../leg/errors.ts';
import { openFolder } from './folder.ts';
import { openTar } from './tar.ts';
import type { Tree } from './tree.ts';
import { openZip } from './zip.ts';

const HEAD_BYTES = 512;
const TAR_MAGIC = { offset: 257, text: 'ustar' };
const GZIP_MAGIC = '\x1f\x8b';
const ZIP_MAGIC = 'PK';

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
  const head = await headOf(path);
  if (head.startsWith(ZIP_MAGIC)) return openZip(path);
  if (head.startsWith(GZIP_MAGIC) || head.startsWith(TAR_MAGIC.text, TAR_MAGIC.offset)) {
    return openTar(path);
  }
  const what = /^\s*</.test(head) ? 'a web page' : 'something else';
  const allowed = 'a folder, or a .zip, .tar or .tar.gz of one';
  throw new KdxError('DataMismatch', `${name}: ${path} is ${what}; allowed: ${allowed}`);
}

async function headOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}
