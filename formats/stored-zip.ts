import { KdxError } from '../leg/errors.ts';

/**
 * The entries of a zip archive that holds its files uncompressed, as PyTorch writes its checkpoints:
 * views of the archive, by name. Sizes beyond 32 bits are read (zip64).
 */

const SIGNATURES = { end: 0x06054b50, end64: 0x06064b50, locator64: 0x07064b50 } as const;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const LOCATOR_BYTES = 20;
const LONGEST_COMMENT = 0xffff;
const SATURATED = 0xffffffff;
const ZIP64_FIELD = 1;

/** @throws KdxError `DataMismatch` naming the place and what is wrong */
export function readStoredZip(archive: Uint8Array, place: string): ReadonlyMap<string, Uint8Array> {
  try {
    return entriesOf(archive, place);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw refusal(place, 'its directory is cut short or points outside of the file');
  }
}

function refusal(place: string, problem: string): KdxError {
  return new KdxError('DataMismatch', `${place}: ${problem}; allowed: an undamaged zip archive`);
}

function entriesOf(archive: Uint8Array, place: string): ReadonlyMap<string, Uint8Array> {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const { count, start } = directoryOf(view, place);
  const entries = new Map<string, Uint8Array>();
  let at = start;
  for (let index = 0; index < count; index += 1) {
    if (view.getUint32(at, true) !== ENTRY) throw refusal(place, `no entry at byte ${at}`);
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) =>
      view.getUint16(at + field, true),
    ) as [number, number, number];
    const name = Buffer.from(archive.subarray(at + 46, at + 46 + nameBytes)).toString('utf8');
    const method = view.getUint16(at + 10, true);
    if (method !== 0) throw refusal(place, `${name} is compressed (method ${method}), not stored`);
    const { bytes, offset } = sizesOf(view, at, { from: at + 46 + nameBytes, bytes: extraBytes });
    if (entries.has(name)) throw refusal(place, `${name} is there twice`);
    entries.set(name, contentOf(archive, view, offset, bytes));
    at += 46 + nameBytes + extraBytes + commentBytes;
  }
  return entries;
}

/** Where the directory lies, by the record at the end of the file. */
function directoryOf(view: DataView, place: string): { count: number; start: number } {
  const lowest = Math.max(0, view.byteLength - END_BYTES - LONGEST_COMMENT);
  for (let at = view.byteLength - END_BYTES; at >= lowest; at -= 1) {
    if (view.getUint32(at, true) !== SIGNATURES.end) continue;
    const locator = at - LOCATOR_BYTES;
    if (locator < 0 || view.getUint32(locator, true) !== SIGNATURES.locator64) {
      return { count: view.getUint16(at + 10, true), start: view.getUint32(at + 16, true) };
    }
    const end64 = Number(view.getBigUint64(locator + 8, true));
    if (view.getUint32(end64, true) !== SIGNATURES.end64) break;
    const [count, start] = [32, 48].map((field) => Number(view.getBigUint64(end64 + field, true)));
    return { count: count as number, start: start as number };
  }
  throw refusal(place, 'it has no directory');
}

/** Of an entry; what does not fit 32 bits stands in its extra field. */
function sizesOf(
  view: DataView,
  at: number,
  extra: { readonly from: number; readonly bytes: number },
): { bytes: number; offset: number } {
  const wide: number[] = [];
  for (let field = extra.from; field < extra.from + extra.bytes;) {
    const length = view.getUint16(field + 2, true);
    if (view.getUint16(field, true) === ZIP64_FIELD) {
      for (let value = 0; value + 8 <= length; value += 8) {
        wide.push(Number(view.getBigUint64(field + 4 + value, true)));
      }
    }
    field += 4 + length;
  }
  // In this order: size, packed size, offset; each only where its own field is saturated.
  const [bytes, , offset] = [24, 20, 42].map((field) => {
    const value = view.getUint32(at + field, true);
    return value === SATURATED ? (wide.shift() ?? value) : value;
  });
  return { bytes: bytes as number, offset: offset as number };
}

function contentOf(archive: Uint8Array, view: DataView, at: number, bytes: number): Uint8Array {
  if (view.getUint32(at, true) !== LOCAL) throw new RangeError('no local header');
  const start = at + 30 + view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
  if (start + bytes > archive.length) throw new RangeError('cut short');
  return archive.subarray(start, start + bytes);
}
