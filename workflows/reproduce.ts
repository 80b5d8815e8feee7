import type { Carry } from './state.ts';
import { runStudy, type StudySummary } from './study.ts';

/** A whole study: teachers → explanation → sweep → evaluations → report. `carry` is set by continuing as new only. */
export async function reproduce(input: unknown, carry?: Carry): Promise<StudySummary> {
  return await runStudy(input, { sections: ['teacher', 'explain', 'sweep'], report: true }, carry);
}
