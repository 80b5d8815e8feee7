import type { Carry } from './state.ts';
import { runStudy, type StudySummary } from './study.ts';

/** The student sweep of a study, with the teachers it needs. `carry` is set by continuing as new only. */
export async function sweep(input: unknown, carry?: Carry): Promise<StudySummary> {
  return await runStudy(input, { sections: ['sweep'], report: false }, carry);
}
