import { KdxError } from '../../leg/errors.ts';

/** Refuses a value that is not a positive multiple of `divisor`. @throws KdxError SpecInvalid */
export function requireDivisible(name: string, value: number, divisor: number): void {
  if (Number.isInteger(value) && value > 0 && value % divisor === 0) return;
  const allowed = divisor === 1 ? 'a positive integer' : `a positive multiple of ${divisor}`;
  throw new KdxError('SpecInvalid', `${name} is ${value}; allowed: ${allowed}.`);
}
