import { Context } from '@temporalio/activity';
import { alive } from './alive.ts';
import type { ReportActivities, ReportInput, ReportSummary } from './contract.ts';
import { crossing } from './failure.ts';

/** Draws a report and puts it into the store, in a process of its own; stops when `signal` aborts. */
export type DrawPort = (input: ReportInput, signal: AbortSignal) => Promise<ReportSummary>;

/** The activity that draws reports. */
export function createReportActivities(draw: DrawPort): ReportActivities {
  return {
    renderReport: (input) =>
      crossing(() => alive(() => draw(input, Context.current().cancellationSignal))),
  };
}
