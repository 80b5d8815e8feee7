import { canonicalJson } from '../study/canonical.ts';
import type { Result } from '../leg/result.ts';

/**
 * What became of one result or file: `equal` to the bit, `different` where it must not be, `close` where
 * another device class may differ in rounding, `damaged` where a file is not what its digest promises
 * or is missing, `unchecked` with the reason.
 */
export type Verdict = 'equal' | 'close' | 'different' | 'damaged' | 'unchecked';

/** What was found out about a part of a trial. */
export type Finding = {
  readonly what: string;
  readonly verdict: Verdict;
  readonly detail: string;
};

/** One line of `kdx verify`. */
export type Check = Finding & { readonly trial: string; readonly key?: string };

/** Share of a number's size by which another device class may round it differently. */
const OTHER_CLASS_TOLERANCE = 1e-3;
/** Points of accuracy, and anything else of that size, that a few flipped images make. */
const OTHER_CLASS_FLOOR = 0.5;

type Outputs = Pick<Result, 'metrics' | 'files'>;

/** Compares a recomputed result with the stored one: metrics and digests of files alone. Pure. */
export function compareResults(
  stored: Outputs,
  fresh: Outputs,
  sameClass: boolean,
): { readonly verdict: Verdict; readonly detail: string } {
  const numbers = Object.keys(stored.metrics).length;
  if (outputs(stored) === outputs(fresh)) {
    return { verdict: 'equal', detail: [`${numbers} metrics`, ...fileList(stored)].join(' and ') };
  }
  const apart = Object.keys({ ...stored.metrics, ...fresh.metrics }).filter(
    (name) => !agree(stored.metrics[name], fresh.metrics[name], sameClass),
  );
  const [first] = apart;
  if (first !== undefined) {
    const detail = `${first} is ${stored.metrics[first]}, recomputed ${fresh.metrics[first]}`;
    return { verdict: 'different', detail };
  }
  if (!sameClass) return { verdict: 'close', detail: `${numbers} metrics, another device class` };
  const name = Object.keys(stored.files).find(
    (file) => stored.files[file]?.digest !== fresh.files[file]?.digest,
  );
  return {
    verdict: 'different',
    detail: `file ${name} is ${stored.files[name ?? '']?.digest}, recomputed ${fresh.files[name ?? '']?.digest}`,
  };
}

/** A whole result has a key and a spec beside them, which a recomputed one has not. */
function outputs({ metrics, files }: Outputs): string {
  return canonicalJson({ metrics, files });
}

function agree(a: number | undefined, b: number | undefined, sameClass: boolean): boolean {
  if (a === undefined || b === undefined) return false;
  if (sameClass) return Object.is(a, b);
  return Math.abs(a - b) <= OTHER_CLASS_FLOOR + OTHER_CLASS_TOLERANCE * Math.abs(a);
}

function fileList({ files }: Pick<Result, 'files'>): readonly string[] {
  const names = Object.entries(files).map(([name, { digest }]) => `${name} ${digest.slice(0, 12)}`);
  return names.length === 0 ? [] : [names.join(', ')];
}
