import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import test from 'ava';
import { randomUUID } from 'node:crypto';
import type { JanitorActivities } from '../../activities/contract.ts';
import type { LiveLeg } from '../../leg/ports.ts';
import type { JanitorSummary } from '../../workflows/janitor.ts';
import { trialWorkflowId } from '../../workflows/trial.ts';
import {
  activitiesOf,
  askingActivities,
  createWorld,
  developmentServer,
  withWorkers,
} from './world.ts';

let server: TestWorkflowEnvironment;
const keyOf = (letter: string): string => letter.repeat(64);
const ended = { job: 'ended', key: keyOf('a'), ageSeconds: 1000 };
const running = { job: 'running', key: keyOf('b'), ageSeconds: 1000 };
const young = { job: 'young', key: keyOf('c'), ageSeconds: 10 };
const gone = { job: 'gone', key: keyOf('d'), ageSeconds: 1000 };

test.before(async () => {
  server = await developmentServer();
  // Nobody serves this queue: what is started on it runs until the server ends.
  const start = (key: string) =>
    server.client.workflow.start('trial', {
      ...{ taskQueue: 'nobody', workflowId: trialWorkflowId(key), args: [] },
    });
  await start(running.key);
  await (await start(ended.key)).terminate();
});
test.after.always(() => server.teardown());

/** Runs the janitor over pages of Jobs; one trial runs, one has been terminated, of the others nobody knows. */
async function clean(
  pages: readonly (readonly LiveLeg[])[],
  input?: unknown,
): Promise<{ readonly summary: JanitorSummary; readonly removed: readonly string[] }> {
  const removed: string[] = [];
  const jobs: JanitorActivities = {
    listLiveLegs: (after = '0') => {
      const next = Number(after) + 1;
      const legs = pages[Number(after)] ?? [];
      return Promise.resolve({ legs, ...(next < pages.length ? { next: String(next) } : {}) });
    },
    removeLegs: (names) => Promise.resolve(void removed.push(...names)),
  };
  const activities = { ...activitiesOf(createWorld()), ...askingActivities(server) };
  const control = await Worker.create({
    ...{ connection: server.nativeConnection, taskQueue: 'kdx-jobs-control', activities: jobs },
  });
  const options = {
    ...{ taskQueue: 'kdx', workflowId: randomUUID() },
    args: input === undefined ? [] : [input],
  };
  const summary = await withWorkers(server, activities, () =>
    control.runUntil(server.client.workflow.execute('janitor', options) as Promise<JanitorSummary>),
  );
  return { summary, removed };
}

test.serial('Jobs of trials that do not run are removed, on every page', async (t) => {
  const { summary, removed } = await clean([[ended, running], [], [gone, young]]);
  t.deepEqual(removed, ['ended', 'gone']);
  t.deepEqual(summary, { looked: 4, orphans: 2, names: ['ended', 'gone'], dryRun: false });
});

test.serial('a dry run names them and removes none', async (t) => {
  const { summary, removed } = await clean([[ended, running]], { dryRun: true });
  t.deepEqual(removed, []);
  t.deepEqual(summary, { looked: 2, orphans: 1, names: ['ended'], dryRun: true });
});

test.serial('a Job is young for as long as it is told', async (t) => {
  const { removed } = await clean([[gone, young]], { graceSeconds: 5 });
  t.deepEqual(removed, ['gone', 'young']);
});

for (const [input, message] of [
  [[], '$: found []; allowed: an object with dryRun, graceSeconds'],
  [{ dryrun: true }, '$: found "dryrun"; allowed: dryRun, graceSeconds'],
  [{ dryRun: 'yes' }, '$.dryRun: found "yes"; allowed: true, false'],
  [{ graceSeconds: -1 }, '$.graceSeconds: found -1; allowed: a number from 0 to 86400'],
] as const) {
  test.serial(`refused: ${JSON.stringify(input)}`, async (t) => {
    const error = await t.throwsAsync(clean([[ended]], input), { instanceOf: WorkflowFailedError });
    const { cause } = error;
    t.true(cause instanceof ApplicationFailure);
    t.like(cause, { message, type: 'SpecInvalid' });
  });
}
