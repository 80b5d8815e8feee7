import { open } from 'node:fs/promises';

/** What a file is, as its first bytes say, whatever its name; undefined for anything else. */
export type FileKind = 'zip' | 'gzip' | 'tar' | 'web page';

const HEAD_BYTES = 512;
/** Where the magic `ustar` stands in a tar file. */
const TAR_MAGIC = { offset: 257, text: 'ustar' };
const GZIP_MAGIC = '\x1f\x8b';
const ZIP_MAGIC = 'PK';

export async function fileKind(path: string): Promise<FileKind | undefined> {
  const head = await headOf(path);
  if (head.startsWith(ZIP_MAGIC)) return 'zip';
  if (head.startsWith(GZIP_MAGIC)) return 'gzip';
  if (head.startsWith(TAR_MAGIC.text, TAR_MAGIC.offset)) return 'tar';
  return /^\s*</.test(head) ? 'web page' : undefined;
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
