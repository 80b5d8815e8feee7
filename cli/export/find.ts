import pMap from 'p-map';

import { KdxError } from '../../leg/errors.ts';
import type { Result, RunRecord } from '../../leg/result.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { readResult } from '../../stores/results.ts';

/** A trial whose network is in the store. */
export type FoundTrial = {
  readonly key: string;
  readonly result: Result;
  /** Absent where it was named by its key and no process left a record of it. */
  readonly run?: RunRecord;
};

type Store = Pick<ArtifactStore, 'list' | 'getJson' | 'location'>;

const KEY = /^[0-9a-f]{8,64}$/;
const READS_AT_ONCE = 16;
const NAMED_AT_MOST = 8;

/**
 * The result of a trial: by its key, or the beginning of it; or by its id and the study that computed
 * it. Of several builds that did, the latest.
 *
 * @param study name of a study; any when absent
 * @throws KdxError SpecInvalid where none is there, or several studies have one
 */
export async function findTrial(store: Store, trial: string, study?: string): Promise<FoundTrial> {
  if (KEY.test(trial)) return byKey(store, trial);
  const runs = await recordsOf(store, 'runs/');
  const ofStudy = runs.filter((run) => study === undefined || run.study === study);
  const own = ofStudy.filter((run) => run.trial === trial && run.outcome !== 'stopped');
  const latest = own.toSorted((a, b) => b.startedAt.localeCompare(a.startedAt));
  const byStudy = [...Map.groupBy(latest, (run) => run.study)];
  if (new Set(byStudy.map(([, [newest]]) => newest?.key)).size > 1) {
    const studies = byStudy.map(([name]) => name).join(' and of ');
    const message = `${trial} is a trial of ${studies}; allowed: --study with one of them, or a key`;
    throw new KdxError('SpecInvalid', message);
  }
  for (const run of latest) {
    const result = await readResult(store, run.key);
    if (result !== undefined) return { key: run.key, result, run };
  }
  throw new KdxError('SpecInvalid', `${absence(trial, study)}; ${known(ofStudy)}`);
}

async function byKey(store: Store, start: string): Promise<FoundTrial> {
  const names = await store.list(`results/${start}`);
  const [name, ...others] = names;
  const key = name?.slice('results/'.length).replace(/\.json$/, '');
  if (key === undefined || others.length > 0) {
    const found = key === undefined ? 'no result' : `${names.length} results`;
    const message = `${start} begins the key of ${found} in ${store.location}; allowed: of one`;
    throw new KdxError('SpecInvalid', message);
  }
  const result = await readResult(store, key);
  if (result === undefined) throw new KdxError('SpecInvalid', `There is no result ${key}.`);
  const [run] = (await recordsOf(store, `runs/${key}/`)).toSorted((a, b) =>
    b.startedAt.localeCompare(a.startedAt),
  );
  return { key, result, ...(run === undefined ? {} : { run }) };
}

async function recordsOf(store: Store, prefix: string): Promise<readonly RunRecord[]> {
  const names = await store.list(prefix);
  const records = await pMap(names, (name) => store.getJson(name), { concurrency: READS_AT_ONCE });
  return records.filter((record): record is RunRecord => record !== undefined);
}

function absence(trial: string, study: string | undefined): string {
  const of = study === undefined ? 'no study' : `no run of the study ${study}`;
  return `${of} has left a result of ${JSON.stringify(trial)}`;
}

function known(runs: readonly RunRecord[]): string {
  const trials = [...new Set(runs.map((run) => run.trial))].filter(isNetwork).toSorted();
  if (trials.length === 0) return 'allowed: a trial that kdx list and a report name, or a key';
  const more = trials.length > NAMED_AT_MOST ? `, … (${trials.length} in all)` : '';
  return `allowed: a key, or one of ${trials.slice(0, NAMED_AT_MOST).join(', ')}${more}`;
}

/** Whether a trial leaves a network of its own. */
function isNetwork(trial: string): boolean {
  return !/\/(evaluation|explanation|soft)$/.test(trial) && !trial.startsWith('teach/');
}
