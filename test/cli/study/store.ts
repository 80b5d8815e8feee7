import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Result, RunRecord } from '../../../leg/result.ts';
import { openFolderStore } from '../../../stores/folder.ts';
import type { ArtifactStore } from '../../../stores/artifacts.ts';
import { commitResult } from '../../../stores/results.ts';
import { recordRun } from '../../../stores/runs.ts';
import { digestJson } from '../../../study/canonical.ts';
import { DISTILLERS } from '../../../distillers/registry.ts';
import { DATASET_NAMES } from '../../../study/datasets.ts';
import { MODEL_NAMES } from '../../../study/models/models.ts';
import { bindTrial, expandStudy, type PlanContext } from '../../../study/plan/plan.ts';
import type { Study } from '../../../study/schema.ts';

const digests = <Name extends string>(names: readonly Name[]): Record<Name, string> =>
  Object.fromEntries(names.map((name) => [name, digestJson(name)])) as Record<Name, string>;

export const CONTEXT: PlanContext = {
  datasetDigest: digestJson('dataset'),
  code: {
    ...digests(['vam']),
    kinds: digests(['train', 'teach', 'evaluate', 'explain']),
    datasets: digests(DATASET_NAMES),
    models: digests(MODEL_NAMES),
    distillers: digests(DISTILLERS.map(({ name }) => name)),
  },
};

/** A real store in a folder of the test's own. */
export async function emptyStore(t: ExecutionContext): Promise<ArtifactStore> {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-store-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const store = openFolderStore(folder);
  await store.ensureBucket();
  return store;
}

export type Ending = {
  readonly status?: Result['status'];
  readonly seconds?: number;
  readonly startedAt?: string;
  /** Whether a result was committed; a run alone is one that did not end. */
  readonly result?: boolean;
};

/** Puts those trials of a study into the store that `ending` answers for, as their legs would. */
export async function compute(
  store: ArtifactStore,
  study: Study,
  ending: (id: string) => Ending | undefined,
): Promise<void> {
  const weights = new Map<string, string>();
  for (const node of expandStudy(study, CONTEXT)) {
    const end = ending(node.id);
    if (end === undefined || !node.needs.every((need) => weights.has(need))) continue;
    const { key, spec } = bindTrial(node, weights);
    const { status = 'complete', seconds = 10, startedAt = '2026-01-01T00:00:00.000Z' } = end;
    await recordRun(store, runOf(study.name, node.id, key, status, seconds, startedAt));
    if (end.result === false) continue;
    const digest = digestJson({ weights: key });
    const files = { weights: { digest, bytes: 1 } };
    await commitResult(store, { schema: 1, key, spec, status, metrics: {}, files });
    if (status === 'complete') weights.set(node.id, digest);
  }
}

function runOf(
  study: string,
  trial: string,
  key: string,
  status: Result['status'],
  seconds: number,
  startedAt: string,
): RunRecord {
  return {
    ...{ schema: 1, key, process: 'a', study, trial, launch: 0, startedAt, seconds },
    outcome: status === 'complete' ? 'done' : 'diverged',
    peakBytes: 1,
    deviceClass: { kind: 'cpu', model: 'x', threads: 1, tensorflow: '2' },
    host: 'h',
    code: 'c',
  };
}
