import { Context } from '@temporalio/activity';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import test from 'ava';
import { randomUUID } from 'node:crypto';
import { liveDigests } from '../../activities/collect.ts';
import type { CollectActivities, GarbageOptions } from '../../activities/contract.ts';
import { digestJson } from '../../study/canonical.ts';
import type { CollectSummary } from '../../workflows/collect.ts';
import { activitiesOf, createWorld, developmentServer, smallStudy, withWorkers } from './world.ts';

let server: TestWorkflowEnvironment;

test.before(async () => {
  server = await developmentServer();
});
test.after.always(() => server.teardown());

const kind = { objects: 9, bytes: 900, garbage: 1, garbageBytes: 100 };
const collection = { blobs: kind, checkpoints: kind, progress: kind, uploads: kind };

/** Runs the workflow; answers what it told the store's collector. */
async function collect(input?: unknown) {
  const asked: GarbageOptions[] = [];
  const activities: CollectActivities = {
    collectGarbage: (options) => {
      asked.push(options);
      return Promise.resolve(collection);
    },
  };
  const options = { taskQueue: 'kdx', workflowId: randomUUID() };
  const summary = await withWorkers(
    server,
    { ...activitiesOf(createWorld()), ...activities },
    () =>
      server.client.workflow.execute('collect', {
        ...options,
        args: input === undefined ? [] : [input],
      }) as Promise<CollectSummary>,
  );
  return { summary, asked };
}

test.serial('told nothing, it removes what is a week old, checkpoints after a month', async (t) => {
  const { summary, asked } = await collect();
  t.deepEqual(summary, { dryRun: false, ...collection });
  const [graceSeconds, unfinishedSeconds] = [7, 30].map((days) => days * 86_400);
  t.deepEqual(asked, [{ dryRun: false, graceSeconds, unfinishedSeconds }] as GarbageOptions[]);
});

test.serial('no checkpoint is given up before anything else would go', async (t) => {
  const { asked } = await collect({ dryRun: true, olderThanHours: 2000 });
  const seconds = 2000 * 3600;
  t.deepEqual(asked, [{ dryRun: true, graceSeconds: seconds, unfinishedSeconds: seconds }]);
});

for (const [input, message] of [
  [7, '$: found 7; allowed: an object with dryRun, olderThanHours, unfinishedOlderThanHours'],
  [
    { olderThan: 24 },
    '$: found "olderThan"; allowed: dryRun, olderThanHours, unfinishedOlderThanHours',
  ],
  [{ dryRun: 1 }, '$.dryRun: found 1; allowed: true, false'],
  [{ olderThanHours: 1 }, '$.olderThanHours: found 1; allowed: a number from 24 to 87600'],
] as const) {
  test.serial(`refused: ${JSON.stringify(input)}`, async (t) => {
    const error = await t.throwsAsync(collect(input), { instanceOf: WorkflowFailedError });
    t.true(error.cause instanceof ApplicationFailure);
    t.like(error.cause, { message, type: 'SpecInvalid' });
  });
}

test.serial(
  'what workflows that run name is alive, and no longer when they have ended',
  async (t) => {
    const { client } = server;
    const world = createWorld(() => Context.current().cancelled);
    const live = async (): Promise<ReadonlySet<string>> => {
      const named = new Set<string>();
      for await (const digest of liveDigests(client)) named.add(digest);
      return named;
    };
    await withWorkers(server, activitiesOf(world), async () => {
      const options = { taskQueue: 'kdx', workflowId: 'teacher/small' };
      const handle = await client.workflow.start('teacher', { ...options, args: [smallStudy()] });
      let named = await live();
      while (!named.has(digestJson(world.legs[0] ?? null))) named = await live();
      t.true(named.has(world.legs[0]?.key ?? ''));
      for (const study of world.blobs.keys()) t.true(named.has(study), 'the resolved study');
      await handle.terminate();
      const trial = `trial/${world.legs[0]?.key.slice(0, 16)}`;
      await client.workflow.getHandle(trial).terminate();
      while ((await live()).size > 0) continue;
    });
  },
);
