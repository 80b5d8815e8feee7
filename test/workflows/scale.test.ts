import type { TestWorkflowEnvironment } from '@temporalio/testing';
import test from 'ava';
import type { StudySummary } from '../../workflows/study.ts';
import {
  activitiesOf,
  createWorld,
  developmentServer,
  done,
  smallStudy,
  withWorkers,
} from './world.ts';

let server: TestWorkflowEnvironment;
test.before(async () => {
  // Far below the server's usual limit: how many events a sweep makes depends on the machine's load.
  server = await developmentServer([
    '--dynamic-config-value',
    'limit.historyCount.suggestContinueAsNew=1024',
  ]);
});
test.after.always(async () => {
  await server.teardown();
});

/** Students and their evaluations: 2 × seeds trials. */
const SEEDS = 500;
const WINDOW = 40;

test.serial(
  'a sweep of a thousand trials stays within its window and within its history',
  async (t) => {
    const world = createWorld();
    let live = 0;
    let most = 0;
    world.leg = (leg) => {
      live += 1;
      most = Math.max(most, live);
      const report = done(world, leg);
      live -= 1;
      return report;
    };
    const seeds = Array.from({ length: SEEDS }, (_, i) => i);
    const { teachers: _none, ...rest } = smallStudy();
    const study = {
      ...rest,
      seeds: { init: seeds, data: seeds },
      sweep: {
        students: [{ name: 'resnet8' as const }],
        methods: [{ id: 'CE', distillers: [{ name: 'ce' as const }] }],
        train: { epochs: 1, optimizer: { name: 'sgd' as const } },
      },
      limits: { parallel: WINDOW },
    };
    const workflowId = `sweep/${study.name}`;
    await withWorkers(server, activitiesOf(world), async () => {
      const handle = await server.client.workflow.start('sweep', {
        taskQueue: 'kdx',
        workflowId,
        args: [study],
      });
      const first = (await handle.describe()).runId;
      const summary = (await handle.result()) as StudySummary;
      t.is(summary.launches, 2 * SEEDS);
      t.is(summary.counts.complete + summary.counts.found, 2 * SEEDS);
      const last = await server.client.workflow.getHandle(workflowId).describe();
      t.not(last.runId, first, 'the history was never cut');
      t.true((last.historyLength ?? 0) < 10_240);
    });
    t.true(most <= WINDOW);
    t.is(world.legs.length, 2 * SEEDS);
    t.deepEqual(world.resolved, [study.name], 'it was resolved once, whatever has changed since');
  },
);
