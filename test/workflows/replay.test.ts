import { Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import test from 'ava';
import * as workflows from '../../workflows/index.ts';
import { readHistories, type HistoryEvent, type RecordedHistory } from './histories.ts';
import { quietRuntime, workflowBundle } from './world.ts';

/*
 * Studies run for weeks, and workers are replaced meanwhile: the workflows of this build have to do,
 * event by event, what the recorded ones did. `record-histories.ts` says when to record anew.
 */

const histories = await readHistories();

test.before(quietRuntime);

/** Replays histories by the workflows of this build; answers what went wrong, by name. */
async function replay(
  recorded: ReadonlyMap<string, RecordedHistory>,
): Promise<ReadonlyMap<string, Error | undefined>> {
  const names = namesById(recorded);
  const histories = [...names].map(([workflowId, name]) => {
    return { workflowId, history: recorded.get(name) };
  });
  const options = { workflowBundle: await workflowBundle() };
  const ends = new Map<string, Error | undefined>();
  for await (const { workflowId, error } of Worker.runReplayHistories(options, histories)) {
    ends.set(names.get(workflowId) ?? workflowId, error);
  }
  return ends;
}

/** Parts are named after their study; of several runs under one id, the others go by their name. */
function namesById(recorded: ReadonlyMap<string, RecordedHistory>): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [name, { events }] of recorded) {
    const id = events[0]?.workflowExecutionStartedEventAttributes?.workflowId ?? name;
    names.set(names.has(id) ? name : id, name);
  }
  return names;
}

test.serial('the workflows of this build replay every recorded history', async (t) => {
  const ends = await replay(histories);
  t.deepEqual([...ends.keys()].toSorted(), [...histories.keys()]);
  for (const [name, error] of ends) t.is(error, undefined, `${name}: ${error?.message}`);
});

test('the histories hold every workflow type', (t) => {
  const types = [...histories.values()].map(
    ({ events }) => events[0]?.workflowExecutionStartedEventAttributes?.workflowType.name,
  );
  const known = Object.keys(workflows).filter((name) => name !== 'default');
  t.deepEqual([...new Set(types)].toSorted(), known.toSorted());
});

for (const event of [
  'ACTIVITY_TASK_FAILED',
  'ACTIVITY_TASK_CANCELED',
  'CHILD_WORKFLOW_EXECUTION_FAILED',
  'START_CHILD_WORKFLOW_EXECUTION_FAILED',
  'TIMER_FIRED',
  'WORKFLOW_EXECUTION_CANCELED',
  'WORKFLOW_EXECUTION_CONTINUED_AS_NEW',
  'WORKFLOW_EXECUTION_FAILED',
  'WORKFLOW_EXECUTION_SIGNALED',
  'WORKFLOW_EXECUTION_UPDATE_COMPLETED',
]) {
  test(`the histories hold the event ${event}`, (t) => {
    const events = [...histories.values()].flatMap((history) => history.events);
    t.true(events.some(({ eventType }) => eventType === `EVENT_TYPE_${event}`));
  });
}

/** The last activity of a history under another name, as if the workflow had asked for another one. */
function altered(history: RecordedHistory): RecordedHistory {
  const events: HistoryEvent[] = structuredClone([...history.events]);
  const at = events.findLastIndex((event) => event.activityTaskScheduledEventAttributes);
  const event = events[at];
  const attributes = event?.activityTaskScheduledEventAttributes;
  if (event === undefined || attributes === undefined) throw new Error('it asks for no activity');
  const activityType = { name: `${attributes.activityType.name}Else` };
  events[at] = {
    ...event,
    activityTaskScheduledEventAttributes: { ...attributes, activityType },
  };
  return { events };
}

test.serial('a history in which one activity is another one does not replay', async (t) => {
  const changed = new Map([...histories].map(([name, history]) => [name, altered(history)]));
  const ends = await replay(changed);
  t.is(ends.size, histories.size);
  for (const [name, error] of ends) t.true(error instanceof DeterminismViolationError, name);
});
