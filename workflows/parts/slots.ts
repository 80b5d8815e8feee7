import type { StudyRun } from '../state.ts';

/** Trials that a run has under way itself; what a part waits for is under way elsewhere. */
export function ownRunning({ schedule, awaited }: Pick<StudyRun, 'schedule' | 'awaited'>): number {
  return schedule.running() - awaited.size;
}

/** Trials that may be started now; below 0 where the window has become smaller than what is under way. */
export function freeSlots(
  run: Pick<StudyRun, 'schedule' | 'awaited' | 'parallel' | 'parts'>,
): number {
  const lent = run.parts?.list.reduce((sum, part) => sum + part.lent, 0) ?? 0;
  return run.parallel - lent - ownRunning(run);
}
