import type { StudyEnd } from './run.ts';

/** The lines that end a study: what was done, where the report is. */
export function summaryLines({ summary, page }: StudyEnd): readonly string[] {
  const { counts, launches } = summary;
  const legs = launches === 0 ? 'no leg run: every result was there' : `${launches} legs run`;
  const diverged = counts.diverged === 0 ? '' : `, ${counts.diverged} diverged`;
  const trials = `${counts.complete + counts.found} trials complete${diverged}, ${legs}`;
  return [`${summary.study}: ${trials}`, `report: ${page ?? 'none was made'}`];
}
