import type { EpochRecord } from '../leg/records.ts';
import type { Result, RunRecord } from '../leg/result.ts';
import { type MlflowClient, type MlflowOptions, openMlflow } from './mlflow/client.ts';
import {
  endRun,
  type Labels,
  logAll,
  logArtifact,
  provideExperiment,
  provideRun,
  type RunInfo,
} from './mlflow/runs.ts';
import { metricsOf, paramsOf, spanOf } from './mlflow/values.ts';

/** A finished trial, as it is recorded. */
export type TrialRecord = {
  readonly study: string;
  readonly trial: string;
  readonly result: Result;
  readonly runs: readonly RunRecord[];
  /** Empty for what is no training. */
  readonly epochs: readonly EpochRecord[];
};

/**
 * Writes what has been computed into MLflow: an experiment and a parent run per study, a child run per
 * trial. Everything is found again by its key, so that writing it twice is writing it once. Every
 * failure is a `Tracking` error; nothing else depends on it.
 */
export type Tracking = {
  recordTrial(record: TrialRecord): Promise<void>;
  /** Puts the pages of a report beside the study's run and ends the run. */
  recordReport(report: {
    readonly study: string;
    readonly html: Uint8Array;
    readonly markdown?: Uint8Array;
  }): Promise<void>;
};

const SOURCE: Labels = { 'mlflow.source.name': 'kdexplainer', 'mlflow.source.type': 'JOB' };

/** Connects on first use. */
export function openTracking(options: MlflowOptions): Tracking {
  const client = openMlflow(options);
  const studies = new Map<string, Promise<RunInfo>>();
  const studyRun = (study: string): Promise<RunInfo> => {
    // Trials of a study end together: one of them provides its run, the others wait for it.
    const underWay = studies.get(study);
    if (underWay !== undefined) return underWay;
    const run = provideStudyRun(client, study).finally(() => studies.delete(study));
    studies.set(study, run);
    return run;
  };
  return {
    async recordTrial(record) {
      await recordTrial(client, await studyRun(record.study), record);
    },
    async recordReport({ study, html, markdown }) {
      const run = await studyRun(study);
      await logPage(client, run, 'index.html', html, 'text/html');
      if (markdown !== undefined) {
        await logPage(client, run, 'report.md', markdown, 'text/markdown');
      }
      await endRun(client, run, 'FINISHED', Date.now());
    },
  };
}

async function provideStudyRun(client: MlflowClient, study: string): Promise<RunInfo> {
  return provideRun(client, {
    experiment: await provideExperiment(client, study),
    key: `study/${study}`,
    name: study,
    startTime: Date.now(),
    tags: { ...SOURCE, 'kdx.study': study },
  });
}

async function recordTrial(
  client: MlflowClient,
  parent: RunInfo,
  record: TrialRecord,
): Promise<void> {
  const { result, runs, study, trial } = record;
  const span = spanOf(runs);
  const run = await provideRun(client, {
    experiment: parent.experiment_id,
    key: result.key,
    name: trial,
    startTime: span?.start ?? Date.now(),
    tags: {
      ...SOURCE,
      'mlflow.parentRunId': parent.run_id,
      'kdx.study': study,
      'kdx.trial': trial,
    },
  });
  // The status is written last: a run that has ended has everything.
  if (run.status !== 'RUNNING') return;
  const times = span ?? { start: run.start_time, end: run.start_time };
  await logAll(client, run, {
    metrics: metricsOf(record, times),
    params: paramsOf(result.spec),
    tags: provenanceOf(result, runs),
  });
  await endRun(client, run, result.status === 'complete' ? 'FINISHED' : 'FAILED', times.end);
}

/** What leads from a number back to the artifacts and the machine it came from. */
function provenanceOf(result: Result, runs: readonly RunRecord[]): Labels {
  const files = Object.entries(result.files).map(([name, { digest }]) => [
    `kdx.file.${name}`,
    digest,
  ]);
  const last = runs.at(-1);
  return {
    'kdx.status': result.status,
    'kdx.kind': result.spec.kind,
    ...(Object.fromEntries(files) as Labels),
    ...(last === undefined ? {} : provenanceOfRun(last)),
  };
}

function provenanceOfRun({ deviceClass, host, commit }: RunRecord): Labels {
  return {
    'kdx.device': [deviceClass.kind, deviceClass.model, `${deviceClass.threads} threads`].join(
      ', ',
    ),
    'kdx.tensorflow': deviceClass.tensorflow,
    'kdx.host': host,
    ...(commit === undefined ? {} : { 'mlflow.source.git.commit': commit }),
  };
}

function logPage(
  client: MlflowClient,
  run: RunInfo,
  name: string,
  bytes: Uint8Array,
  contentType: string,
): Promise<void> {
  return logArtifact(client, run, { path: `report/${name}`, bytes, contentType });
}
