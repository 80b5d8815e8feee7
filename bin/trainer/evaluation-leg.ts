import type { Logger } from 'pino';

import type { Progress, Result } from '../../leg/result.ts';
import type { Leg } from '../../leg/spec.ts';
import type { WorkEnd } from '../../learning/context.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { readResult } from '../../stores/results.ts';
import { digestJson } from '../../study/canonical.ts';
import { evaluationOf, networkOf } from '../../study/evaluation.ts';
import { failureOf } from './failure.ts';

/** The leg that evaluates what a training has left; undefined where none is asked for, or nothing is left. */
export function evaluationLeg(
  { evaluation, ...leg }: Leg,
  { files }: Pick<Result, 'files'>,
): Leg | undefined {
  const weights = files['weights']?.digest;
  if (evaluation === undefined || weights === undefined) return undefined;
  if (leg.spec.kind !== 'train') return undefined;
  const spec = evaluationOf(evaluation.spec, networkOf(leg.spec, weights));
  return { ...leg, trial: evaluation.trial, key: digestJson(spec), spec };
}

/**
 * Runs the evaluation that a training leg was asked for, as a leg of its own would. The result of the
 * training is stored: whatever happens here is no failure of it, and what is missing afterwards is
 * computed by a leg of its own.
 */
export async function evaluateToo(
  leg: Leg,
  end: WorkEnd,
  { store, log }: { readonly store: ArtifactStore; readonly log: Logger },
  run: (evaluation: Leg) => Promise<void>,
): Promise<void> {
  const evaluation = end.outcome === 'done' ? evaluationLeg(leg, end.result) : undefined;
  if (evaluation === undefined) return;
  const { key } = evaluation;
  try {
    if ((await readResult(store, key)) !== undefined) return;
    await run(evaluation);
    log.info({ key }, 'the evaluation is done, too');
  } catch (error) {
    const { code, message } = failureOf(error);
    const level = code === 'Stopped' ? 'info' : 'warn';
    log[level]({ key, code }, `left to a leg of its own: ${message}`);
  }
}

/**
 * Reports the progress of an evaluation as that of one more epoch of its training: who watches the leg
 * sees it go on, and never back.
 */
export function progressAfter(
  { key, trial, spec }: Leg,
  report: (progress: Progress) => void,
): (progress: Progress) => void {
  if (spec.kind !== 'train') return report;
  const epoch = spec.train.epochs + 1;
  const steps = Math.ceil(spec.dataset.split.train / spec.train.batch);
  return (progress) => {
    const step = Math.floor((progress.step / progress.steps) * steps);
    report({ ...progress, key, trial, epoch, epochs: epoch, step, steps });
  };
}
