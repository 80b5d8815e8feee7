/** Reads messages of Protocol Buffers: their fields by number, without a schema. */
import { KdxError } from '../leg/errors.ts';

/** A message's fields: integers, and bytes of whatever has a length. Floats are left out. */
export type Fields = {
  readonly integers: ReadonlyMap<number, readonly number[]>;
  readonly bytes: ReadonlyMap<number, readonly Uint8Array[]>;
};

const TYPE_BITS = 3;
const PAYLOAD = 0x7f;
const MORE = 0x80;
/** Bytes of fixed numbers by their type on the wire. */
const FIXED: Readonly<Record<number, number>> = { 1: 8, 5: 4 };
const text = new TextDecoder();

type Cursor = { at: number };

function corrupt(place: string, at: number): KdxError {
  return new KdxError('DataMismatch', `${place} breaks off or is no protobuf, at byte ${at}`);
}

/** Exact below 2⁵³; a larger one, as negative ones are, as near as a double is. */
function readVarint(bytes: Uint8Array, cursor: Cursor, place: string): number {
  let value = 0;
  for (let factor = 1; ; factor *= MORE) {
    const byte = bytes[cursor.at];
    if (byte === undefined || factor > MORE ** 9) throw corrupt(place, cursor.at);
    cursor.at += 1;
    value += (byte & PAYLOAD) * factor;
    if (byte < MORE) return value;
  }
}

function push<Value>(map: Map<number, Value[]>, field: number, value: Value): void {
  const values = map.get(field);
  if (values === undefined) map.set(field, [value]);
  else values.push(value);
}

/** The fields of one message. @throws KdxError DataMismatch where the bytes are none */
export function readMessage(bytes: Uint8Array, place: string): Fields {
  const integers = new Map<number, number[]>();
  const parts = new Map<number, Uint8Array[]>();
  const cursor = { at: 0 };
  while (cursor.at < bytes.length) {
    const tag = readVarint(bytes, cursor, place);
    const [field, type] = [Math.floor(tag / 2 ** TYPE_BITS), tag % 2 ** TYPE_BITS];
    if (type === 0) {
      push(integers, field, readVarint(bytes, cursor, place));
      continue;
    }
    const length = type === 2 ? readVarint(bytes, cursor, place) : FIXED[type];
    if (length === undefined || cursor.at + length > bytes.length) throw corrupt(place, cursor.at);
    if (type === 2) push(parts, field, bytes.subarray(cursor.at, cursor.at + length));
    cursor.at += length;
  }
  return { integers, bytes: parts };
}

/** Integers of a repeated field, packed or not. */
export function integersOf({ integers, bytes }: Fields, field: number, place: string): number[] {
  const packed = (bytes.get(field) ?? []).flatMap((part) => {
    const values: number[] = [];
    const cursor = { at: 0 };
    while (cursor.at < part.length) values.push(readVarint(part, cursor, place));
    return values;
  });
  return [...(integers.get(field) ?? []), ...packed];
}

/** Text of a field, every time that it stands. */
export function textsOf({ bytes }: Fields, field: number): string[] {
  return (bytes.get(field) ?? []).map((part) => text.decode(part));
}
