import pMap from 'p-map';
import { isKdxError, KdxError } from '../leg/errors.ts';
import type { ArtifactStore } from '../stores/artifacts.ts';
import { reportName } from '../stores/names.ts';
import { readResult } from '../stores/results.ts';
import { listRuns } from '../stores/runs.ts';
import type { Tracking } from '../stores/tracking.ts';
import { alive } from './alive.ts';
import type { PlanPage, Recordable, RecordActivities, RecordTrialsInput } from './contract.ts';
import { crossing } from './failure.ts';
import { readEpochs } from './gather.ts';
import { MARKDOWN, PAGE } from './draw.ts';
import { readPage } from './look-up-plan.ts';
import { findOne, readStudy } from './study.ts';

export type RecordPorts = {
  readonly artifacts: Pick<ArtifactStore, 'get' | 'getBlob' | 'getJson' | 'list' | 'location'>;
  readonly tracking: Tracking;
};

/** Trials that are written at once; MLflow answers a few writers no faster than that. */
const WRITTEN_AT_ONCE = 4;

/** The activities that write to the tracking server. */
export function createRecordActivities(ports: RecordPorts): RecordActivities {
  return {
    recordTrials: (input) => crossing(() => alive(() => recordTrials(ports, input))),
    recordPlan: (page, study) => crossing(() => alive(() => recordPlan(ports, page, study))),
    recordReport: (study) => crossing(() => alive(() => recordReport(ports, study))),
  };
}

async function recordPlan(
  ports: RecordPorts,
  page: PlanPage,
  study: string,
): Promise<{ readonly total: number }> {
  const resolved = await readStudy(ports.artifacts, page.study);
  const { nodes, found, total } = await readPage(
    (key) => findOne(ports.artifacts, key),
    resolved,
    page,
  );
  const trials = found.flatMap((result, at) =>
    result === undefined || result.status === 'damaged'
      ? []
      : [{ key: result.key, trial: nodes[at]?.id ?? '' }],
  );
  await recordTrials(ports, { study, trials });
  return { total };
}

async function recordTrials(
  ports: RecordPorts,
  { study, trials }: RecordTrialsInput,
): Promise<readonly string[]> {
  const damaged = await pMap(
    trials,
    async (trial) => ((await recordTrial(ports, study, trial)) ? [] : [trial.trial]),
    { concurrency: WRITTEN_AT_ONCE },
  );
  return damaged.flat();
}

/** @returns whether the trial could be recorded: damage would keep it from being so for ever */
async function recordTrial(
  { artifacts, tracking }: RecordPorts,
  study: string,
  { key, trial }: Recordable,
): Promise<boolean> {
  try {
    const result = await readResult(artifacts, key);
    if (result === undefined) return false;
    const log = result.files['epochs'];
    const epochs = log === undefined ? [] : await readEpochs(artifacts, log);
    const runs = await listRuns(artifacts, key);
    await tracking.recordTrial({ study, trial, result, runs, epochs });
    return true;
  } catch (error) {
    if (isKdxError(error) && error.code === 'DataMismatch') return false;
    throw error;
  }
}

async function recordReport({ artifacts, tracking }: RecordPorts, study: string): Promise<void> {
  const [html, markdown] = await Promise.all(
    [PAGE, MARKDOWN].map((file) => artifacts.get(reportName(study, file))),
  );
  if (html === undefined) {
    throw new KdxError('CodeBug', `${reportName(study, PAGE)} is not there to be recorded`);
  }
  await tracking.recordReport({ study, html, ...(markdown === undefined ? {} : { markdown }) });
}
