import { KdxError } from '../leg/errors.ts';

/** A wrong argument; it ends a bench with exit code 64. */
export function usageError(option: string, value: string, allowed: string): KdxError {
  return new KdxError('SpecInvalid', `${option} is ${value}; allowed: ${allowed}.`);
}

/** Reads a positive integer. @throws KdxError SpecInvalid */
export function parseCount(option: string, value: string): number {
  if (/^[1-9]\d*$/.test(value)) return Number(value);
  throw usageError(option, value, 'an integer ≥ 1');
}

/** A reader of one option, in the form that commander takes. */
export function count(option: string): (value: string) => number {
  return (value) => parseCount(option, value);
}

/** Reads names separated by commas, without repetition. @throws KdxError SpecInvalid */
export function parseNames<Name extends string>(
  option: string,
  value: string,
  allowed: readonly Name[],
): Name[] {
  const names = value.split(',').map((name) => name.trim());
  const strange = names.find((name) => !allowed.includes(name as Name));
  if (strange !== undefined) throw usageError(option, strange, allowed.join(', '));
  return [...new Set(names as Name[])];
}
