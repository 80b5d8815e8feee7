import type { ReportSummary } from '../activities/contract.ts';
import { renderReport, resolveStudy } from './proxies.ts';
import { startRecord } from './record.ts';

/** Renders the report of a study anew from the results that are there; trains nothing. */
export async function report(input: unknown): Promise<ReportSummary> {
  const resolved = await resolveStudy(input);
  const summary = await renderReport({ resolved, failures: {} });
  await startRecord({ kind: 'report', study: resolved.study.name });
  return summary;
}
