import type { Section } from '../study/plan/plan.ts';
import type { StudyPriority } from '../study/priority.ts';

/** Order in a queue, as Temporal takes it: 1 goes first, 5 last. */
export type LegPriority = {
  readonly priorityKey: number;
  /** Queues share slots among these, at the same priority. */
  readonly fairnessKey: string;
};

/** Temporal has five levels unless its operator sets more. */
const KEYS: Readonly<Record<StudyPriority, Readonly<Record<Section, number>>>> = {
  high: { teacher: 1, explain: 1, sweep: 1 },
  // What others wait for goes first.
  normal: { teacher: 2, explain: 3, sweep: 4 },
  low: { teacher: 5, explain: 5, sweep: 5 },
};
/** Characters that Temporal takes. */
const MAX_FAIRNESS_KEY = 64;

/** Where the legs of a section of a study stand in their queue. */
export function legPriority(study: string, priority: StudyPriority, section: Section): LegPriority {
  return {
    priorityKey: KEYS[priority][section],
    fairnessKey: study.slice(0, MAX_FAIRNESS_KEY),
  };
}
