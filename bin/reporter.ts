import { json } from 'node:stream/consumers';
import type { ReportInput, ReportSummary } from '../activities/contract.ts';
import { drawReport } from '../activities/draw.ts';
import { readS3Environment } from '../environment/s3.ts';
import { errorText, isKdxError } from '../leg/errors.ts';
import { EXIT } from '../leg/outcome.ts';
import { toReportInput } from '../report/input.ts';
import { renderReport } from '../report/render.ts';
import { openS3Store } from '../stores/s3.ts';

/** What this program writes to its standard output: where the report is, or why there is none. */
export type ReporterAnswer =
  { readonly summary: ReportSummary } | { readonly code?: string; readonly message: string };

/** Draws one report, named on the standard input, from the store into the store. */
async function answer(): Promise<ReporterAnswer> {
  try {
    const artifacts = openS3Store(readS3Environment(process.env));
    const input = (await json(process.stdin)) as ReportInput;
    const render = async (gathered: Parameters<typeof toReportInput>[0]) =>
      renderReport(toReportInput(gathered));
    return { summary: await drawReport({ artifacts, render }, input) };
  } catch (error) {
    process.exitCode = isKdxError(error) ? error.exitCode : EXIT.unavailable;
    return { ...(isKdxError(error) ? { code: error.code } : {}), message: errorText(error) };
  }
}

process.stdout.write(JSON.stringify(await answer()));
