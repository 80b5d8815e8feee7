import type { GatheredTrial } from '../report/input.ts';
import type { RenderedReport, ReportFile } from '../report/render.ts';
import type { ArtifactStore } from '../stores/artifacts.ts';
import { reportName } from '../stores/names.ts';
import type { ReportInput, ReportSummary, ResolvedStudy } from './contract.ts';
import { readAllFailures } from './failures.ts';
import { gatherStudy } from './gather.ts';
import { readStudy } from './study.ts';

/** Draws a report: the page, its Markdown, and figures as files of their own. Pure. */
export type RenderPort = (input: {
  readonly resolved: ResolvedStudy;
  readonly trials: readonly GatheredTrial[];
}) => Promise<RenderedReport>;

export type DrawPorts = {
  readonly artifacts: Pick<
    ArtifactStore,
    'getBlob' | 'getJson' | 'list' | 'location' | 'putLatest'
  >;
  readonly render: RenderPort;
};

/** Names of a report's page and of its Markdown, within the report's folder. */
export const PAGE = 'index.html';
export const MARKDOWN = 'report.md';

/** Gathers a study's trials, draws its report and puts it into the store; answers where. */
export async function drawReport(
  { artifacts, render }: DrawPorts,
  input: ReportInput,
): Promise<ReportSummary> {
  const resolved = await readStudy(artifacts, input.resolved);
  const failed = await readAllFailures(artifacts, input.failures);
  const trials = await gatherStudy(artifacts, resolved, failed);
  const report = await render({ resolved, trials });
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
