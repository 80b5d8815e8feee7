/** Bytes read from front to back. Every read beyond the end calls `refuse`. */
export type ByteReader = {
  /** Of the next byte, from the start of the file. */
  position(): number;
  byte(): number;
  /** The next `count` bytes; a view, no copy. */
  take(count: number): Uint8Array;
  /** Up to the next line feed, which is passed over. */
  line(): string;
  /** An unsigned number of 1, 2, 4 or 8 bytes, little end first. */
  unsigned(width: 1 | 2 | 4 | 8): number;
  int32(): number;
  /** Eight bytes, big end first. */
  doubleBigEndian(): number;
};

const LINE_FEED = 0x0a;

/** @param refuse throws; told what is missing */
export function createByteReader(
  bytes: Uint8Array,
  start: number,
  refuse: (problem: string) => never,
): ByteReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = start;
  const advance = (count: number): number => {
    const left = bytes.length - at;
    if (count > left) refuse(`cut short: ${count} bytes are wanted, ${Math.max(left, 0)} are left`);
    at += count;
    return at - count;
  };
  return {
    position: () => at,
    byte: () => view.getUint8(advance(1)),
    take: (count) => {
      const first = advance(count);
      return bytes.subarray(first, first + count);
    },
    line: () => {
      const end = bytes.indexOf(LINE_FEED, at);
      if (end < 0) refuse('cut short: a line has no end');
      const text = Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString('latin1');
      at = end + 1;
      return text;
    },
    unsigned: (width) => {
      const first = advance(width);
      if (width === 1) return view.getUint8(first);
      if (width === 2) return view.getUint16(first, true);
      if (width === 4) return view.getUint32(first, true);
      return Number(view.getBigUint64(first, true));
    },
    int32: () => view.getInt32(advance(4), true),
    doubleBigEndian: () => view.getFloat64(advance(8), false),
  };
}
