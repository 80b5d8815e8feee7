import { KdxError } from '../../leg/errors.ts';

/**
 * Tensors as bytes: the safetensors format (github.com/huggingface/safetensors): a length, a JSON
 * header, and the values. Names are sorted and metadata holds neither time nor host, so that the
 * same tensors give the same bytes.
 */
export type StoredTensor = { readonly shape: readonly number[]; readonly values: Float32Array };

export type TensorFile = {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
};

/** The header starts after its own length; values start at a multiple of eight bytes. */
const LENGTH_BYTES = 8;
const ALIGNMENT = 8;
const VALUE_BYTES = 4;

/** How the numbers of a type lie in a file. */
export type NumberType = {
  readonly bytes: number;
  /** A copy, as 32-bit numbers. @param bytes those of whole numbers */
  readonly read: (bytes: Uint8Array) => Float32Array;
};

/** What files of ours hold. */
const OWN_TYPES: Readonly<Record<string, NumberType>> = {
  F32: {
    bytes: VALUE_BYTES,
    read: (bytes) => new Float32Array(Uint8Array.from(bytes).buffer),
  },
};
const METADATA = '__metadata__';

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Writes float32 tensors in the order of their names. */
export function encodeTensors({ tensors, metadata }: TensorFile): Uint8Array {
  const sorted = [...tensors].toSorted(byName);
  const entries: [string, unknown][] = [
    [METADATA, Object.fromEntries(Object.entries(metadata).toSorted(byName))],
  ];
  let end = 0;
  for (const [name, { shape, values }] of sorted) {
    const start = end;
    end += values.length * VALUE_BYTES;
    entries.push([name, { dtype: 'F32', shape, data_offsets: [start, end] }]);
  }
  // Not by assignment, which would take a tensor named `__proto__` for something else.
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const headerBytes = Math.ceil(text.length / ALIGNMENT) * ALIGNMENT;
  const file = new Uint8Array(LENGTH_BYTES + headerBytes + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, LENGTH_BYTES, LENGTH_BYTES + headerBytes);
  file.set(text, LENGTH_BYTES);
  let position = LENGTH_BYTES + headerBytes;
  for (const [, { values }] of sorted) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), position);
    position += values.byteLength;
  }
  return file;
}

/**
 * Reads tensors as float32.
 *
 * @param origin what the bytes are, for the message
 * @param types by name, those that the file may hold; float32 where absent, as in all files of ours
 * @throws KdxError CheckpointCorrupt where header and bytes do not agree
 */
export function decodeTensors(
  bytes: Uint8Array,
  origin: string,
  types: Readonly<Record<string, NumberType>> = OWN_TYPES,
): TensorFile {
  const { header, start } = readHeader(bytes, origin);
  const tensors = new Map<string, StoredTensor>();
  const ranges: Range[] = [];
  const metadata = header[METADATA] ?? {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === METADATA) continue;
    const { range, ...tensor } = readTensor(bytes, start, name, entry, { origin, types });
    tensors.set(name, tensor);
    ranges.push(range);
  }
  requireAdjacent(ranges, bytes.length - start, origin);
  return { tensors, metadata: metadata as Record<string, string> };
}

function corrupt(origin: string, what: string): KdxError {
  return new KdxError('CheckpointCorrupt', `${origin} is no readable safetensors file: ${what}.`);
}

/** Where the values of a tensor lie, from the first value of the file. */
type Range = { readonly name: string; readonly from: number; readonly bytes: number };

/** Tensors fill the file: one after another, without gaps and overlaps. */
function requireAdjacent(ranges: readonly Range[], valueBytes: number, origin: string): void {
  let end = 0;
  // Of tensors at one place all but the last are empty.
  for (const { name, from, bytes } of ranges.toSorted(
    (a, b) => a.from - b.from || a.bytes - b.bytes,
  )) {
    if (from !== end) throw corrupt(origin, `${name} starts at ${from}; wanted ${end}`);
    end += bytes;
  }
  if (end !== valueBytes) throw corrupt(origin, `its tensors end at ${end} of ${valueBytes}`);
}

type Header = { readonly header: Readonly<Record<string, unknown>>; readonly start: number };

function readHeader(bytes: Uint8Array, origin: string): Header {
  if (bytes.length < LENGTH_BYTES) throw corrupt(origin, `it has ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  const start = LENGTH_BYTES + length;
  if (start > bytes.length) {
    throw corrupt(origin, `its header ends at ${start}, the file at ${bytes.length}`);
  }
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, start));
  if (header === undefined) throw corrupt(origin, 'its header is no JSON object');
  return { header, start };
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    const isObject = typeof header === 'object' && header !== null && !Array.isArray(header);
    return isObject ? (header as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

type Reading = {
  readonly origin: string;
  readonly types: Readonly<Record<string, NumberType>>;
};

function readTensor(
  bytes: Uint8Array,
  start: number,
  name: string,
  entry: unknown,
  { origin, types }: Reading,
): StoredTensor & { readonly range: Range } {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  const type = typeof dtype === 'string' && Object.hasOwn(types, dtype) ? types[dtype] : undefined;
  if (type === undefined) {
    const allowed = Object.keys(types).join(', ');
    throw corrupt(origin, `${name} has dtype ${String(dtype)}; allowed: ${allowed}`);
  }
  if (!areSizes(shape) || !areSizes(offsets) || offsets.length !== 2) {
    throw corrupt(origin, `${name} has no shape and offsets`);
  }
  const [from, to] = offsets as [number, number];
  const count = shape.reduce((product, size) => product * size, 1);
  if (to - from !== count * type.bytes || start + to > bytes.length) {
    const range = `[${from}, ${to}) of ${bytes.length - start}`;
    throw corrupt(origin, `${name} of shape [${shape.join(', ')}] lies at ${range}`);
  }
  const values = type.read(bytes.subarray(start + from, start + to));
  return { shape, values, range: { name, from, bytes: to - from } };
}

function areSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isInteger(size) && size >= 0);
}
