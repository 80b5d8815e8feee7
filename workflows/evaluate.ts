import type { Carry } from './study-run.ts';
import { runStudy, type StudySummary } from './run-study.ts';

/** Every evaluation of a study, with the networks that are evaluated. `carry` is set by continuing as new only. */
export async function evaluate(input: unknown, carry?: Carry): Promise<StudySummary> {
  return await runStudy(input, { sections: ['teacher', 'sweep'], report: false }, carry);
}
