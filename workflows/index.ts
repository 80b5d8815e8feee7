/**
 * The workflow types: every function exported here is one, under its own name. Five of them run a part
 * of a study; `carry` is set by continuing as new only. The default export is what Temporal calls for
 * any other type.
 */
import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import type { Verdict } from '../activities/contract.ts';
import { measure } from './benchmark.ts';
import type { Carry } from './carry.ts';
import { removeGarbage, type CollectSummary } from './collect.ts';
import { clean, type JanitorSummary } from './janitor.ts';
import { runStudy, type StudySummary } from './study.ts';

export { part } from './parts/part.ts';
export { record } from './record.ts';
export { report } from './report.ts';
export { trial } from './trial.ts';

type End = Promise<StudySummary>;

/** A whole study: teachers → explanation → sweep → evaluations → report. */
export const reproduce = (input: unknown, carry?: Carry): End =>
  runStudy(input, { sections: ['teacher', 'explain', 'sweep'], report: true }, carry);

/** The teachers of a study and their evaluations. */
export const teacher = (input: unknown, carry?: Carry): End =>
  runStudy(input, { sections: ['teacher'], report: false }, carry);

/** The explanation arms of a study, with the teacher they need. */
export const explain = (input: unknown, carry?: Carry): End =>
  runStudy(input, { sections: ['explain'], report: false }, carry);

/** The student sweep of a study, with the teachers it needs. */
export const sweep = (input: unknown, carry?: Carry): End =>
  runStudy(input, { sections: ['sweep'], report: false }, carry);

/** Every evaluation of a study, with the networks that are evaluated. */
export const evaluate = (input: unknown, carry?: Carry): End =>
  runStudy(input, { sections: ['teacher', 'sweep'], report: false }, carry);

/** Times each model on each flavour of a device; meant for a schedule. Fails with `Regression`. */
export const benchmark = (input?: unknown): Promise<readonly Verdict[]> => measure(input ?? {});

/** Removes the Jobs of a cluster whose trial no longer runs; meant for a schedule. */
export const janitor = (input?: unknown): Promise<JanitorSummary> => clean(input);

/** Removes from the store what nothing names any more; meant for a schedule. */
export const collect = (input?: unknown): Promise<CollectSummary> => removeGarbage(input);

const TYPES = [
  ...['reproduce', 'teacher', 'explain', 'sweep', 'evaluate', 'report', 'record', 'trial'],
  ...['part', 'benchmark', 'janitor', 'collect'],
];

/** Refuses a type that is none of these, which would otherwise wait for a worker that knows it for ever. */
export default async function unknownType(): Promise<never> {
  const message = `workflow type: found "${workflowInfo().workflowType}"; allowed: ${TYPES.join(', ')}`;
  throw ApplicationFailure.nonRetryable(message, 'SpecInvalid');
}
