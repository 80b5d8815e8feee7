import type { Result } from '../leg/result.ts';
import type { ResultSummary } from './contract.ts';

/** The part of a result that workflows act on: small, and without the spec they have already. */
export function summaryOf({ key, status, metrics, files }: Result): ResultSummary {
  const digests = Object.entries(files).map(([name, { digest }]) => [name, digest] as const);
  return { key, status, metrics, files: Object.fromEntries(digests) };
}
