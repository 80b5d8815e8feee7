import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/workflow';
import type { TrialFailure } from '../activities/contract.ts';
import type { Launch } from '../leg/decide.ts';
import { ERROR_CODES, type ErrorCode } from '../leg/errors.ts';

/** Why a trial failed, and its launches that ended in a bug, from whatever its child workflow threw. */
export function failureOf(error: unknown): {
  readonly failure: TrialFailure;
  /** How its last launches ended. */
  readonly ends: readonly Launch[];
  readonly bugs: readonly Launch[];
} {
  const cause =
    error instanceof ChildWorkflowFailure || error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ActivityFailure) return failureOf(cause);
  if (cause instanceof CancelledFailure) {
    return { failure: { code: 'Stopped', message: 'the trial was cancelled' }, ends: [], bugs: [] };
  }
  if (cause instanceof TerminatedFailure) {
    const message = 'the trial was terminated by hand';
    return { failure: { code: 'Terminated', message }, ends: [], bugs: [] };
  }
  const message = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof TimeoutFailure) {
    return { failure: { code: 'TimedOut', message }, ends: [], bugs: [] };
  }
  if (!(cause instanceof ApplicationFailure)) {
    return { failure: { code: 'CodeBug', message }, ends: [], bugs: [] };
  }
  const launches = (cause.details?.[0] ?? []) as readonly Launch[];
  const bugs = launches.filter(({ outcome }) => outcome === 'bug');
  return { failure: { code: errorCode(cause.type), message }, ends: launches, bugs };
}

function errorCode(type: string | undefined | null): ErrorCode {
  return type !== undefined && type !== null && Object.hasOwn(ERROR_CODES, type)
    ? (type as ErrorCode)
    : 'CodeBug';
}
