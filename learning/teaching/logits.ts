import { KdxError } from '../../leg/errors.ts';
import type { LogitsIndex } from '../../leg/records.ts';
import { canonicalJson } from '../../study/canonical.ts';

/**
 * A teacher's logits as bytes: rows of half-precision numbers, and the index that names them. Half
 * precision keeps eleven bits: a logit moves by at most 2⁻¹¹ of itself (2⁻²⁵ below 2⁻¹⁴).
 */

/** The largest number that half precision holds. */
const LARGEST = 65_504;

/**
 * Rounds logits to half precision, to the nearest and to even on ties.
 *
 * @param place what they are of, for the message
 * @throws KdxError SpecInvalid where one of them is too large for it, or no number
 */
export function toHalf(logits: Float32Array, place: string): Float16Array {
  const half = Float16Array.from(logits);
  const bad = half.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return half;
  throw new KdxError(
    'SpecInvalid',
    `teacher.cache: ${place} are ${logits[bad]} at their worst; half precision holds up to ±${LARGEST}; allowed for this teacher: "none".`,
  );
}

/** The bytes of rows, in the order of memory (little-endian on every machine that TensorFlow runs on). */
export function halfBytes(rows: Float16Array): Uint8Array {
  return new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
}

/** Rows from their bytes. @throws KdxError DataMismatch where there are more or fewer than `count` numbers */
export function halfRows(bytes: Uint8Array, count: number, origin: string): Float16Array {
  const wanted = count * Float16Array.BYTES_PER_ELEMENT;
  if (bytes.length !== wanted) {
    throw new KdxError('DataMismatch', `${origin}: ${bytes.length} bytes; wanted ${wanted}.`);
  }
  // A copy: a view on half-precision numbers has to start at an even address.
  return new Float16Array(Uint8Array.from(bytes).buffer);
}

/** The index as it is stored. */
export function indexBytes(index: LogitsIndex): Uint8Array {
  return new TextEncoder().encode(canonicalJson(index));
}

/** @throws KdxError DataMismatch where the bytes are no index of schema 1 */
export function parseIndex(bytes: Uint8Array, origin: string): LogitsIndex {
  const value = parseJson(bytes);
  const { schema, dtype, shape, epochs } = (value ?? {}) as Partial<LogitsIndex>;
  if (schema === 1 && dtype === 'float16' && shape?.length === 2 && Array.isArray(epochs)) {
    return value as LogitsIndex;
  }
  throw new KdxError('DataMismatch', `${origin} is no index of logits of schema 1.`);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
