import type { ReportSummary } from '../activities/contract.ts';
import { renderReport, resolveStudy } from './proxies.ts';
import { handOver } from './record.ts';

/** Renders the report of a study anew from the results that are there; trains nothing. */
export async function report(input: unknown): Promise<ReportSummary> {
  const { resolved, digest } = await resolveStudy(input);
  const summary = await renderReport({ resolved: digest });
  await handOver({ study: resolved.study.name, trials: [], report: true });
  return summary;
}
