import type { Carry } from './state.ts';
import { runStudy, type StudySummary } from './study.ts';

/** The teachers of a study and their evaluations. `carry` is set by continuing as new only. */
export async function teacher(input: unknown, carry?: Carry): Promise<StudySummary> {
  return await runStudy(input, { sections: ['teacher'], report: false }, carry);
}
