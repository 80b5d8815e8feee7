import type { Carry } from './state.ts';
import { runStudy, type StudySummary } from './study.ts';

/** Every evaluation of a study, with the networks that are evaluated. `carry` is set by continuing as new only. */
export async function evaluate(input: unknown, carry?: Carry): Promise<StudySummary> {
  return await runStudy(input, { sections: ['teacher', 'sweep'], report: false }, carry);
}
