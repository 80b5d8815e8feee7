import type { Distiller } from './contract.ts';
import { DISTILLERS } from './registry.ts';

/** The method of a name that a study may use. @throws TypeError where there is none */
export function distillerOf(name: string): Distiller {
  const distiller = DISTILLERS.find((candidate) => candidate.name === name);
  if (distiller !== undefined) return distiller;
  throw new TypeError(`There is no distiller ${name}.`);
}

/** What a sum of methods reads of a teacher: the most that one of them does. */
export type TeacherUse = 'nothing' | 'logits' | 'features';

/** What one method reads of a teacher; a view that no cache has seen is as good as features. */
export function useOf({ reads: { teacher, strongView } }: Distiller): TeacherUse {
  if (teacher === undefined) return 'nothing';
  return strongView === true ? 'features' : teacher;
}

export function teacherUse(names: readonly string[]): TeacherUse {
  const uses = names.map((name) => useOf(distillerOf(name)));
  return (['features', 'logits'] as const).find((use) => uses.includes(use)) ?? 'nothing';
}
