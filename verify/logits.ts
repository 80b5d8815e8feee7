import { halfRows, parseIndex } from '../learning/teaching/logits.ts';
import type { LogitsIndex } from '../leg/records.ts';
import type { TeachSpec } from '../study/spec.ts';
import { blocked, type Audit } from './audit.ts';
import type { Finding, Verdict } from './check.ts';
import { trialName } from './names.ts';
import type { VerifiedTrial, VerifyTools } from './subject.ts';

/** A rounding of half precision, and one more for another class of device. */
const OTHER_CLASS_TOLERANCE = 2 ** -9;

type Tools = Pick<VerifyTools, 'readBlob' | 'recomputeLogits'>;

/**
 * Checks a teach leg: every epoch is read back by its digest; of those that are whole, the first and
 * the last are computed anew and held against what is stored, number by number.
 */
export async function verifyLogits(
  trial: VerifiedTrial,
  spec: TeachSpec,
  tools: Tools,
  audit: Audit,
): Promise<readonly Finding[]> {
  const digest = trial.result.files['logits']?.digest ?? '';
  const lostIndex = audit.lost([digest]);
  if (lostIndex.length > 0) return [blocked('logits', lostIndex)];
  const index = parseIndex(await tools.readBlob(digest), `logits ${digest}`);
  const { whole, damaged } = await readBackEpochs(trial.node.id, index, audit);
  const lost = audit.lost([spec.dataset.digest, spec.teacher.weights]);
  if (lost.length > 0) return [...damaged, blocked('logits', lost)];
  const [first] = whole;
  const last = whole.at(-1);
  if (first === undefined || last === undefined) return damaged;
  const sample = [...new Set([first, last])];
  const others = whole.length - sample.length;
  return [
    ...damaged,
    await recomputeSample(trial, spec, index, sample, tools),
    ...(others === 0 ? [] : [unsampled(others)]),
  ];
}

async function readBackEpochs(
  id: string,
  { epochs }: LogitsIndex,
  audit: Audit,
): Promise<{ readonly whole: readonly number[]; readonly damaged: readonly Finding[] }> {
  const whole: number[] = [];
  const damaged: Finding[] = [];
  for (const [position, file] of epochs.entries()) {
    const epoch = position + 1;
    const findings = await audit.readBack(file, `epoch ${epoch} of logits of ${trialName(id)}`);
    if (findings.length === 0) whole.push(epoch);
    damaged.push(...findings);
  }
  return { whole, damaged };
}

async function recomputeSample(
  { sameClass }: Pick<VerifiedTrial, 'sameClass'>,
  spec: TeachSpec,
  index: LogitsIndex,
  sample: readonly number[],
  { readBlob, recomputeLogits }: Tools,
): Promise<Finding> {
  const fresh = await recomputeLogits(spec, sample, { readBlob });
  const verdicts: Verdict[] = [];
  for (const epoch of sample) {
    const stored = await readBlob(index.epochs[epoch - 1]?.digest ?? '');
    const rows = rowsOf(index, fresh.get(epoch));
    verdicts.push(compareRows(rowsOf(index, stored), rows, sameClass));
  }
  return {
    ...{ what: 'logits', verdict: worst(verdicts) },
    detail: `epoch ${sample.join(' and ')} of ${index.epochs.length}, ${index.shape.join(' × ')} each`,
  };
}

function unsampled(epochs: number): Finding {
  const detail = `not computed anew: ${epochs}; each was read back by its digest`;
  return { what: 'other epochs', verdict: 'unchecked', detail };
}

/** Compares logits as they are stored with fresh ones. Pure. */
export function compareRows(
  stored: Float16Array,
  fresh: Float16Array,
  sameClass: boolean,
): Verdict {
  if (stored.length !== fresh.length) return 'different';
  if (fresh.every((value, i) => Object.is(value, stored[i]))) return 'equal';
  if (sameClass) return 'different';
  const isClose = fresh.every((value, i) => {
    const other = stored[i] ?? Number.NaN;
    return Math.abs(value - other) <= OTHER_CLASS_TOLERANCE * Math.max(1, Math.abs(other));
  });
  return isClose ? 'close' : 'different';
}

function worst(verdicts: readonly Verdict[]): Verdict {
  const order: readonly Verdict[] = ['different', 'close', 'equal'];
  return order.find((verdict) => verdicts.includes(verdict)) ?? 'unchecked';
}

function rowsOf({ shape }: LogitsIndex, bytes: Uint8Array | undefined): Float16Array {
  const [images, classes] = shape;
  return halfRows(bytes ?? new Uint8Array(), images * classes, 'logits of an epoch');
}
