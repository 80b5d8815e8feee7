import type { WorkflowExecutionDescription } from '@temporalio/client';
import test from 'ava';

import { retriedLine, retriedOf } from '../../../cli/study/retried.ts';
import { events, picture, type Moment } from '../../../cli/study/view.ts';
import type { Retried } from '../../../cli/study/retried.ts';

type Pending = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>;
const described = (pendingActivities: Pending) => retriedOf({ raw: { pendingActivities } });

const status: Moment['status'] = {
  study: 'digits',
  phase: 'resolving',
  total: 0,
  counts: {
    ...{ waiting: 0, running: 0, complete: 0, found: 0 },
    ...{ diverged: 0, failed: 0, blocked: 0, cancelled: 0 },
  },
  failures: {},
  parallel: 1,
  doneShare: 0,
};

const moment = (...retried: readonly Retried[]): Moment => ({
  ...{ status, changed: [], running: [], progress: new Map() },
  retried: new Map([['digits', retried]]),
});
const full = (
  attempt: number,
  failure = 'ObjectStore: write s3/blobs: no space left',
): Retried => ({
  ...{ activity: 'resolveStudy', attempt, failure },
});

test('an activity that failed is told with its attempt and why, once and on one line', (t) => {
  const cause = { message: 'no space left on device' };
  const lastFailure = { message: 'write s3/blobs/1: no space left on device\n  at put', cause };
  const pending = [
    { activityType: { name: 'resolveStudy' }, attempt: 4, lastFailure },
    { activityType: { name: 'findResults' }, attempt: 1 },
  ];
  t.deepEqual(described(pending).map(retriedLine), [
    'resolveStudy failed and is tried again (attempt 4): write s3/blobs/1: no space left on device',
  ]);
  t.deepEqual(described([]), []);
});

test('a cause that the message leaves out is added', (t) => {
  const lastFailure = { message: 'Activity task failed', cause: { message: 'fetch failed' } };
  const [retried] = described([{ activityType: { name: 'runLeg' }, attempt: 2, lastFailure }]);
  t.is(retried?.failure, 'Activity task failed: fetch failed');
});

test('a log has a line when it fails, fails otherwise, and has failed twice as often', (t) => {
  const lines = (before: Moment | undefined, now: Moment) => events(before, now).slice(-1);
  t.regex(lines(undefined, moment(full(2)))[0] ?? '', /^digits: resolveStudy failed .*attempt 2/);
  t.deepEqual(events(moment(full(2)), moment(full(3))), []);
  t.is(events(moment(full(3)), moment(full(4))).length, 1);
  t.is(events(moment(full(4)), moment(full(5, 'another'))).length, 1);
  t.deepEqual(events(moment(full(4)), moment()), []);
});

test('a screen shows it for as long as it lasts', (t) => {
  t.regex(picture(moment(full(3)), 200).at(-1) ?? '', /resolveStudy failed and is tried again/);
  t.is(picture(moment(), 200).length, 1);
});
