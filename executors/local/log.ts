import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const MAX_LINE = 300;

/** The last `bytes` of a file; nothing where it cannot be read. */
export function tailOf(file: string, bytes: number): Uint8Array {
  try {
    const descriptor = openSync(file, 'r');
    try {
      const { size } = fstatSync(descriptor);
      const tail = Buffer.alloc(Math.min(size, bytes));
      readSync(descriptor, tail, 0, tail.length, size - tail.length);
      return tail;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return new Uint8Array();
  }
}

/** The last line of some text, cut to what fits into a sentence. */
export function lastLineOf(tail: Uint8Array): string {
  const lines = new TextDecoder().decode(tail).trimEnd().split('\n');
  return (lines.at(-1) ?? '').slice(0, MAX_LINE);
}
