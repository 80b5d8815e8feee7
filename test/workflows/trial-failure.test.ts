import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  RetryState,
  TerminatedFailure,
  TimeoutFailure,
  TimeoutType,
} from '@temporalio/common';
import test from 'ava';
import { failureOf } from '../../workflows/trial-failure.ts';

/** As a study receives what has ended a trial. */
const child = (cause: Error): ChildWorkflowFailure =>
  new ChildWorkflowFailure(
    undefined,
    { workflowId: 'trial/a', runId: 'r' },
    'trial',
    RetryState.NON_RETRYABLE_FAILURE,
    cause,
  );

const ENDS = [
  [new TerminatedFailure('terminated'), 'Terminated'],
  [new TimeoutFailure('too long', undefined, TimeoutType.START_TO_CLOSE), 'TimedOut'],
  [new CancelledFailure('cancelled'), 'Stopped'],
  [ApplicationFailure.nonRetryable('no', 'Stalled'), 'Stalled'],
  [ApplicationFailure.nonRetryable('no', 'TypeError'), 'CodeBug'],
] as const;
for (const [cause, code] of ENDS) {
  test(`a trial that ended by ${cause.name} (${cause.message}) failed with ${code}`, (t) => {
    t.is(failureOf(child(cause)).failure.code, code);
  });
}

test('an activity that timed out inside a trial is seen through', (t) => {
  const timeout = new TimeoutFailure('silent', undefined, TimeoutType.HEARTBEAT);
  const state = RetryState.CANCEL_REQUESTED;
  const activity = new ActivityFailure('failed', 'runLeg', '1', state, 'worker', timeout);
  t.is(failureOf(child(activity)).failure.code, 'TimedOut');
});
