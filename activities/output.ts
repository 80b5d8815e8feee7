import { KdxError } from '../leg/errors.ts';
import type { EpochRecord } from '../leg/records.ts';
import type { Result, RunRecord } from '../leg/result.ts';
import type { ArtifactStore } from '../stores/artifacts.ts';
import { reportName } from '../stores/names.ts';
import { readResult } from '../stores/results.ts';
import { listRuns } from '../stores/runs.ts';
import type { OutputActivities, RecordTrialInput, ReportInput, ReportSummary } from './contract.ts';
import { crossing } from './failure.ts';
import { gatherStudy, readEpochs, type GatheredTrial } from './gather.ts';

/** A file of a report, as the renderer gives it. */
export type ReportFile = {
  readonly name: string;
  readonly contentType: string;
  readonly text: string;
};

/** Draws a report: the page, its Markdown, and figures as files of their own. Pure. */
export type RenderPort = (
  input: Pick<ReportInput, 'resolved'> & { readonly trials: readonly GatheredTrial[] },
) => Promise<{
  readonly html: string;
  readonly markdown: string;
  readonly files: readonly ReportFile[];
}>;

/** The tracking server: writes are idempotent by key. */
export type TrackingPort = {
  recordTrial(input: {
    readonly study: string;
    readonly trial: string;
    readonly result: Result;
    readonly runs: readonly RunRecord[];
    readonly epochs: readonly EpochRecord[];
  }): Promise<void>;
  recordReport(input: { readonly study: string; readonly html: Uint8Array }): Promise<void>;
};

export type OutputPorts = {
  readonly artifacts: ArtifactStore;
  readonly render: RenderPort;
  readonly tracking: TrackingPort;
};

const PAGE = 'index.html';
const MARKDOWN = 'report.md';

/** The activities that draw reports and write to the tracking server. */
export function createOutputActivities(ports: OutputPorts): OutputActivities {
  return {
    renderReport: (input) => crossing(() => render(ports, input)),
    recordTrial: (input) => crossing(() => recordTrial(ports, input)),
    recordReport: (study) => crossing(() => recordReport(ports, study)),
  };
}

async function render({ artifacts, render: draw }: OutputPorts, input: ReportInput) {
  const study = input.resolved.study.name;
  const trials = await gatherStudy(artifacts, input.resolved, input.failures);
  const report = await draw({ resolved: input.resolved, trials });
  const files: readonly ReportFile[] = [
    ...report.files,
    { name: MARKDOWN, contentType: 'text/markdown; charset=utf-8', text: report.markdown },
    // Last: a page that is there has all its files beside it.
    { name: PAGE, contentType: 'text/html; charset=utf-8', text: report.html },
  ];
  for (const { name, contentType, text } of files) {
    await artifacts.putLatest(reportName(study, name), new TextEncoder().encode(text), contentType);
  }
  const summary: ReportSummary = {
    page: reportName(study, PAGE),
    markdown: reportName(study, MARKDOWN),
    files: report.files.map(({ name }) => reportName(study, name)),
  };
  return summary;
}

async function recordTrial(ports: OutputPorts, { key, study, trial }: RecordTrialInput) {
  const { artifacts, tracking } = ports;
  const result = await readResult(artifacts, key);
  if (result === undefined) throw new KdxError('CodeBug', `${trial} has no result to record`);
  const log = result.files['epochs'];
  const epochs = log === undefined ? [] : await readEpochs(artifacts, log);
  const runs = await listRuns(artifacts, key);
  await tracking.recordTrial({ study, trial, result, runs, epochs });
}

async function recordReport({ artifacts, tracking }: OutputPorts, study: string) {
  const name = reportName(study, PAGE);
  const html = await artifacts.get(name);
  if (html === undefined) throw new KdxError('CodeBug', `${name} is not there to be recorded`);
  await tracking.recordReport({ study, html });
}
