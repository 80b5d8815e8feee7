import pMap from 'p-map';
import type { RunRecord } from '../../leg/result.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { resultName } from '../../stores/names.ts';
import { duration } from './view.ts';

/** What the store holds of one study. */
export type StoredStudy = {
  readonly name: string;
  /** Results that its runs computed; what it found by key counts where it was computed. */
  readonly complete: number;
  readonly diverged: number;
  /** Trials that began and have no result. */
  readonly unfinished: number;
  /** Wall time of all its processes together. */
  readonly seconds: number;
  /** When its last process began; absent where it computed nothing. */
  readonly lastAt?: string;
  /** Object name of its page. */
  readonly report?: string;
};

type Store = Pick<ArtifactStore, 'list' | 'getJson'>;

const READS_AT_ONCE = 16;
const PAGE = /^reports\/([^/]+)\/index\.html$/;

/** The studies that a store knows of, by their runs and their reports; the latest first. */
export async function listStudies(store: Store): Promise<readonly StoredStudy[]> {
  const [runNames, results, pages] = await Promise.all(
    ['runs/', 'results/', 'reports/'].map((prefix) => store.list(prefix)),
  );
  const records = await pMap(runNames ?? [], (name) => store.getJson(name), {
    concurrency: READS_AT_ONCE,
  });
  const runs = records.filter((record): record is RunRecord => record !== undefined);
  const done = new Set(results);
  const reports = new Map(
    (pages ?? []).flatMap((page) => {
      const study = PAGE.exec(page)?.[1];
      return study === undefined ? [] : [[study, page] as const];
    }),
  );
  const byStudy = Map.groupBy(runs, ({ study }) => study);
  return [...new Set([...byStudy.keys(), ...reports.keys()])]
    .map((name) => storedStudy(name, byStudy.get(name) ?? [], done, reports.get(name)))
    .sort((a, b) => (b.lastAt ?? '').localeCompare(a.lastAt ?? '') || (a.name < b.name ? -1 : 1));
}

function storedStudy(
  name: string,
  runs: readonly RunRecord[],
  results: ReadonlySet<string>,
  report: string | undefined,
): StoredStudy {
  const outcomes = new Map(
    [...Map.groupBy(runs, ({ key }) => key)].map(([key, runs]) => [
      key,
      runs.some(({ outcome }) => outcome === 'diverged') ? 'diverged' : 'complete',
    ]),
  );
  const keys = [...outcomes.keys()];
  const count = (outcome: string): number =>
    keys.filter((key) => results.has(resultName(key)) && outcomes.get(key) === outcome).length;
  const lastAt = runs.map(({ startedAt }) => startedAt).reduce((a, b) => (a > b ? a : b), '');
  return {
    name,
    complete: count('complete'),
    diverged: count('diverged'),
    unfinished: keys.filter((key) => !results.has(resultName(key))).length,
    seconds: runs.reduce((sum, { seconds }) => sum + seconds, 0),
    ...(lastAt === '' ? {} : { lastAt }),
    ...(report === undefined ? {} : { report }),
  };
}

/** Rows for a terminal. */
export function inventoryLines(studies: readonly StoredStudy[]): readonly string[] {
  if (studies.length === 0) return ['no study yet; run: kdx study studies/digits.json'];
  const width = Math.max('study'.length, ...studies.map(({ name }) => name.length));
  const row = (name: string, ...cells: readonly string[]): string =>
    [name.padEnd(width), ...cells].join('  ').trimEnd();
  return [
    row('study', 'results', 'diverged', 'unfinished', '        time', 'last run (UTC)  ', 'report'),
    ...studies.map(({ name, complete, diverged, unfinished, seconds, lastAt, report }) =>
      row(
        name,
        String(complete).padStart(7),
        String(diverged).padStart(8),
        String(unfinished).padStart(10),
        duration(seconds).padStart(12),
        (lastAt ?? '').slice(0, 16).replace('T', ' ').padEnd(16),
        report ?? 'none',
      ),
    ),
  ];
}
