/** Messages of Protocol Buffers (protobuf.dev/programming-guides/encoding), written field by field. */

/** A field's value: an integer, a float of 32 bits, text, bytes, a message, packed integers. */
export type FieldValue = number | { readonly float: number } | string | Uint8Array | Message;

/** Fields by number, in the order in which they are written; a number may stand several times. */
export type Message = readonly (readonly [field: number, value: FieldValue])[];

const VARINT = 0;
const LENGTH = 2;
const FIXED_32 = 5;
const GROUP_BITS = 7n;
const MORE = 0x80;
const text = new TextEncoder();

/** An integer of up to 64 bits; negative ones as their two's complement. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= BigInt(MORE)) {
    bytes.push(Number(rest & 0x7fn) | MORE);
    rest >>= GROUP_BITS;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

function parts(field: number, value: FieldValue): readonly Uint8Array[] {
  const tag = (type: number): Uint8Array => varint(field * 8 + type);
  if (typeof value === 'number') return [tag(VARINT), varint(value)];
  if (typeof value === 'object' && 'float' in value) {
    return [tag(FIXED_32), new Uint8Array(Float32Array.of(value.float).buffer)];
  }
  const bytes = bytesOf(value);
  return [tag(LENGTH), varint(bytes.length), bytes];
}

function bytesOf(value: string | Uint8Array | Message): Uint8Array {
  if (typeof value === 'string') return text.encode(value);
  return value instanceof Uint8Array ? value : encodeMessage(value);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const piece of pieces) {
    whole.set(piece, position);
    position += piece.length;
  }
  return whole;
}

/** The bytes of a message. */
export function encodeMessage(message: Message): Uint8Array {
  return joined(message.flatMap(([field, value]) => parts(field, value)));
}

/** Integers of a repeated field, packed into one. */
export function packed(values: readonly number[]): Uint8Array {
  return joined(values.map(varint));
}

/** Entries of a field that is a map of text to messages or text. */
export function mapFields(
  field: number,
  entries: Readonly<Record<string, string | Message>>,
): Message {
  return Object.entries(entries).map(([key, value]) => {
    const entry: Message = [
      [1, key],
      [2, value],
    ];
    return [field, entry] as const;
  });
}

/** Values as they lie in memory of a little-endian machine, which all formats here ask for. */
export function rawBytes(values: Float32Array | Int32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
