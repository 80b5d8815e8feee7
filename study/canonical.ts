import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** What canonical JSON can hold: no `undefined` inside arrays, no NaN, no infinities. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json | undefined };

/**
 * One text for one value: object keys sorted by UTF-16 code unit, no white space, absent and
 * `undefined` members alike (RFC 8785 for the values we allow).
 * Throws `TypeError` with the JSON path for a value that has no JSON form.
 */
export function canonicalJson(value: unknown, path = '$'): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') {
    return JSON.stringify(value);
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`${path}: ${value} has no JSON form`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map((item, i) => canonicalJson(item, `${path}[${i}]`)).join(',')}]`;
  }
  if (typeof value === 'object') {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(
        ([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member, `${path}.${name}`)}`,
      );
    return `{${members.join(',')}}`;
  }
  throw new TypeError(`${path}: a ${typeof value} has no JSON form`);
}

/** sha256 of bytes, as 64 lower-case hex digits. Runs inside the workflow sandbox. */
export function digestBytes(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes));
}

/** sha256 of the canonical JSON of a value, as 64 lower-case hex digits. */
export function digestJson(value: unknown): string {
  return digestBytes(utf8ToBytes(canonicalJson(value)));
}
