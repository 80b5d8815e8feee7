import type { TestWorkflowEnvironment } from '@temporalio/testing';
import test from 'ava';
import type { StudySummary } from '../../workflows/run-study.ts';
import { activitiesOf, createWorld, smallStudy, timeSkippingServer, withWorkers } from './world.ts';

let server: TestWorkflowEnvironment;
test.before(async () => {
  server = await timeSkippingServer();
});
test.after.always(async () => {
  await server.teardown();
});

test.serial(
  'a study trains every trial once, teachers before their students, and is reported',
  async (t) => {
    const world = createWorld();
    const study = smallStudy();
    await withWorkers(server, activitiesOf(world), async () => {
      const run = async (): Promise<StudySummary> =>
        (await server.client.workflow.execute('reproduce', {
          taskQueue: 'kdx',
          workflowId: `reproduce/${study.name}`,
          args: [study],
        })) as StudySummary;
      const first = await run();
      t.is(first.launches, 10);
      t.is(first.counts.complete, 10);
      const second = await run();
      t.is(second.launches, 0);
      t.is(second.counts.found, 10);
    });
    t.is(world.legs.length, 10);
  },
);
