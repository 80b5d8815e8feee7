import type { Carry } from './state.ts';
import { runStudy, type StudySummary } from './study.ts';

/** The explanation arms of a study, with the teacher they need. `carry` is set by continuing as new only. */
export async function explain(input: unknown, carry?: Carry): Promise<StudySummary> {
  return await runStudy(input, { sections: ['explain'], report: false }, carry);
}
