import type { GatheredTrial } from '../report/input.ts';
import type { RenderedReport, ReportFile } from '../report/render.ts';
import type { ArtifactStore } from '../stores/artifacts.ts';
import { reportName } from '../stores/names.ts';
import { alive } from './alive.ts';
import type { ReportActivities, ReportInput, ReportSummary, ResolvedStudy } from './contract.ts';
import { crossing } from './failure.ts';
import { readAllFailures } from './failures.ts';
import { gatherStudy } from './gather.ts';
import { readStudy } from './study.ts';

/** Draws a report: the page, its Markdown, and figures as files of their own. Pure. */
export type RenderPort = (input: {
  readonly resolved: ResolvedStudy;
  readonly trials: readonly GatheredTrial[];
}) => Promise<RenderedReport>;

export type ReportPorts = {
  readonly artifacts: Pick<
    ArtifactStore,
    'getBlob' | 'getJson' | 'list' | 'location' | 'putLatest'
  >;
  readonly render: RenderPort;
};

/** Names of a report's page and of its Markdown, within the report's folder. */
export const PAGE = 'index.html';
export const MARKDOWN = 'report.md';

/** The activity that draws reports. */
export function createReportActivities(ports: ReportPorts): ReportActivities {
  return { renderReport: (input) => crossing(() => alive(() => render(ports, input))) };
}

async function render(
  { artifacts, render: draw }: ReportPorts,
  input: ReportInput,
): Promise<ReportSummary> {
  const resolved = await readStudy(artifacts, input.resolved);
  const failed = await readAllFailures(artifacts, input.failures);
  const trials = await gatherStudy(artifacts, resolved, failed);
  const report = await draw({ resolved, trials });
  const files: readonly ReportFile[] = [
    ...report.files,
    { name: MARKDOWN, contentType: 'text/markdown; charset=utf-8', text: report.markdown },
    // Last: a page that is there has all its files beside it.
    { name: PAGE, contentType: 'text/html; charset=utf-8', text: report.html },
  ];
  const nameOf = (file: string): string => reportName(resolved.study.name, file);
  for (const { name, contentType, text } of files) {
    await artifacts.putLatest(nameOf(name), new TextEncoder().encode(text), contentType);
  }
  return {
    page: nameOf(PAGE),
    markdown: nameOf(MARKDOWN),
    files: report.files.map(({ name }) => nameOf(name)),
  };
}
