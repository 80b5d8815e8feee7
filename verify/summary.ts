import { KdxError } from '../leg/errors.ts';
import type { Check, Verdict } from './check.ts';

/** How many checks came to which verdict. */
export type Counts = Readonly<Record<Verdict, number>>;

/** Before the first check. */
export const NONE: Counts = { equal: 0, close: 0, different: 0, damaged: 0, unchecked: 0 };

const MARKS: Readonly<Record<Verdict, string>> = {
  equal: 'equal    ',
  close: 'close    ',
  different: 'DIFFERENT',
  damaged: 'DAMAGED  ',
  unchecked: '–        ',
};

/** One check, for a person and for `grep`. */
export function checkLine({ trial, key, what, verdict, detail }: Check): string {
  const words = [MARKS[verdict], trial, ...(key === undefined ? [] : [key.slice(0, 12)])];
  return `${words.join(' ')} ${what}: ${detail}`;
}

/** How many checks came to which verdict, for a person. */
export function summaryLine({ equal, close, different, damaged, unchecked }: Counts): string {
  return `${equal} equal, ${close} close, ${different} different, ${damaged} damaged, ${unchecked} not recomputed`;
}

/** What verifying a study ends with; undefined where all that was recomputed agrees and no file is damaged. */
export function failureOf(study: string, counts: Counts): KdxError | undefined {
  const { equal, close, different, damaged } = counts;
  const faults = [
    ...(different === 0 ? [] : [`${different} ${different === 1 ? 'differs' : 'differ'}`]),
    ...(damaged === 0 ? [] : [`${damaged} damaged or missing`]),
  ];
  if (faults.length > 0) return new KdxError('DataMismatch', `${study}: ${faults.join(', ')}`);
  if (equal + close > 0) return undefined;
  return new KdxError('DataMismatch', `${study}: nothing to verify; run: kdx study ${study}`);
}
