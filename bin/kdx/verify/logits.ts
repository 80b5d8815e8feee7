import { halfRows, parseIndex } from '../../../learning/logits.ts';
import type { LogitsIndex } from '../../../leg/records.ts';
import type { Result } from '../../../leg/result.ts';
import type { TeachSpec } from '../../../study/spec.ts';
import type { Check, Verdict } from './check.ts';
import type { VerifyTools } from './verify.ts';

/** A rounding of half precision, and one more for another class of device. */
const OTHER_CLASS_TOLERANCE = 2 ** -9;

/**
 * Checks a teach leg: every epoch is read back by its digest, the first and the last are computed
 * anew and held against what is stored, number by number.
 */
export async function verifyLogits(
  { files }: Pick<Result, 'files'>,
  spec: TeachSpec,
  sameClass: boolean,
  { readBlob, recomputeLogits }: Pick<VerifyTools, 'readBlob' | 'recomputeLogits'>,
): Promise<readonly Omit<Check, 'trial' | 'key'>[]> {
  const digest = files['logits']?.digest ?? '';
  const index = parseIndex(await readBlob(digest), `logits ${digest}`);
  const sample = [...new Set([1, index.epochs.length])];
  const stored = await readEpochs(index, sample, readBlob);
  const fresh = await recomputeLogits(spec, sample, { readBlob });
  const verdicts = sample.map((epoch) =>
    compareRows(stored.get(epoch), rowsOf(index, fresh.get(epoch)), sameClass),
  );
  const others = index.epochs.length - sample.length;
  return [
    {
      ...{ what: 'logits', verdict: worst(verdicts) },
      detail: `epoch ${sample.join(' and ')} of ${index.epochs.length}, ${index.shape.join(' × ')} each`,
    },
    ...(others === 0
      ? []
      : [
          {
            ...{ what: 'other epochs', verdict: 'unchecked' as const },
            detail: `not computed anew: ${others}; each was read back by its digest`,
          },
        ]),
  ];
}

/** Compares logits as they are stored with fresh ones. Pure. */
export function compareRows(
  stored: Float16Array | undefined,
  fresh: Float16Array,
  sameClass: boolean,
): Verdict {
  if (stored?.length !== fresh.length) return 'different';
  if (fresh.every((value, i) => Object.is(value, stored[i]))) return 'equal';
  if (sameClass) return 'different';
  const isClose = fresh.every((value, i) => {
    const other = stored[i] ?? Number.NaN;
    return Math.abs(value - other) <= OTHER_CLASS_TOLERANCE * Math.max(1, Math.abs(other));
  });
  return isClose ? 'close' : 'different';
}

function worst(verdicts: readonly Verdict[]): Verdict {
  const order: readonly Verdict[] = ['different', 'unchecked', 'close', 'equal'];
  return order.find((verdict) => verdicts.includes(verdict)) ?? 'unchecked';
}

/** Reads every epoch, and keeps those of the sample. */
async function readEpochs(
  index: LogitsIndex,
  sample: readonly number[],
  readBlob: VerifyTools['readBlob'],
): Promise<ReadonlyMap<number, Float16Array>> {
  const kept = new Map<number, Float16Array>();
  for (const [position, { digest }] of index.epochs.entries()) {
    const bytes = await readBlob(digest);
    if (sample.includes(position + 1)) kept.set(position + 1, rowsOf(index, bytes));
  }
  return kept;
}

function rowsOf({ shape }: LogitsIndex, bytes: Uint8Array | undefined): Float16Array {
  const [images, classes] = shape;
  return halfRows(bytes ?? new Uint8Array(), images * classes, 'logits of an epoch');
}
