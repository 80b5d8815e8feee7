/** How the numbers of a type lie in a file, little end first. */
export type NumberType = {
  readonly bytes: number;
  /** A copy, as 32-bit numbers. @param bytes those of whole numbers */
  readonly read: (bytes: Uint8Array) => Float32Array;
};

/** A copy at an address that every typed array may start at. */
function aligned(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}

const BFLOAT16_SHIFT = 16;

/** The upper halves of 32-bit numbers. */
function fromBfloat16(bytes: Uint8Array): Float32Array {
  const halves = new Uint16Array(aligned(bytes));
  return new Float32Array(
    Uint32Array.from(halves, (half) => (half << BFLOAT16_SHIFT) >>> 0).buffer,
  );
}

/** By the names of safetensors. 64-bit numbers are rounded to 32 bits. */
export const NUMBER_TYPES = {
  F64: { bytes: 8, read: (bytes) => Float32Array.from(new Float64Array(aligned(bytes))) },
  F32: { bytes: 4, read: (bytes) => new Float32Array(aligned(bytes)) },
  F16: { bytes: 2, read: (bytes) => Float32Array.from(new Float16Array(aligned(bytes))) },
  BF16: { bytes: 2, read: fromBfloat16 },
  I64: {
    bytes: 8,
    read: (bytes) => Float32Array.from(new BigInt64Array(aligned(bytes)), Number),
  },
  I32: { bytes: 4, read: (bytes) => Float32Array.from(new Int32Array(aligned(bytes))) },
  I16: { bytes: 2, read: (bytes) => Float32Array.from(new Int16Array(aligned(bytes))) },
  I8: { bytes: 1, read: (bytes) => Float32Array.from(new Int8Array(aligned(bytes))) },
  U8: { bytes: 1, read: (bytes) => Float32Array.from(bytes) },
  BOOL: { bytes: 1, read: (bytes) => Float32Array.from(bytes) },
} as const satisfies Readonly<Record<string, NumberType>>;
