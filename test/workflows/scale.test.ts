import type { TestWorkflowEnvironment } from '@temporalio/testing';
import test from 'ava';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundleWorkflows } from '../../bin/worker/bundle.ts';
import type { StudyInput } from '../../study/schema.ts';
import type { StudySummary } from '../../workflows/study.ts';
import {
  activitiesOf,
  createWorld,
  developmentServer,
  done,
  smallStudy,
  withWorkers,
  type World,
} from './world.ts';

/** Where a server with its usual settings suggests another run, and where it ends one by force. */
const EVENTS_SUGGESTED = 4096;
const EVENTS_ALLOWED = 10_240;

/** Students by cross-entropy and their evaluations: 2 × seeds trials. */
function sweepOf(seeds: number, parallel: number): StudyInput {
  const all = Array.from({ length: seeds }, (_, i) => i);
  const { teachers: _none, ...rest } = smallStudy();
  return {
    ...rest,
    seeds: { init: all, data: all },
    sweep: {
      students: [{ name: 'resnet8' }],
      methods: [{ id: 'CE', distillers: [{ name: 'ce' }] }],
      train: { epochs: 1, optimizer: { name: 'sgd' } },
    },
    limits: { parallel },
  };
}

/** A world that counts its legs, and what was live at once. */
function countingWorld(milliseconds: number): { world: World; most: () => number } {
  let live = 0;
  let most = 0;
  const world: World = createWorld(async (leg) => {
    live += 1;
    most = Math.max(most, live);
    await sleep(milliseconds);
    live -= 1;
    return done(world, leg);
  });
  return { world, most: () => most };
}

async function runSweep(server: TestWorkflowEnvironment, study: StudyInput) {
  const workflowId = `reproduce/${study.name}`;
  const handle = await server.client.workflow.start('reproduce', {
    ...{ taskQueue: 'kdx', workflowId, args: [study] },
  });
  const first = (await handle.describe()).runId;
  const summary = (await handle.result()) as StudySummary;
  const last = await server.client.workflow.getHandle(workflowId).describe();
  return { summary, last, isRenewed: last.runId !== first };
}

test.serial('a large sweep runs in parts, within its window, each leg once', async (t) => {
  const [seeds, window] = [210, 40];
  const study = sweepOf(seeds, window);
  const { world, most } = countingWorld(5);
  const server = await developmentServer();
  try {
    await withWorkers(server, activitiesOf(world), async () => {
      const { summary, last, isRenewed } = await runSweep(server, study);
      t.is(summary.launches, 2 * seeds);
      t.is(summary.counts.complete + summary.counts.found, 2 * seeds);
      t.false(isRenewed, 'the study goes on in one run');
      t.true((last.historyLength ?? 0) < EVENTS_SUGGESTED / 4);
      const parts = server.client.workflow.list({ query: "WorkflowType = 'part'" });
      let count = 0;
      for await (const { historyLength = 0 } of parts) {
        count += 1;
        t.true(historyLength < EVENTS_ALLOWED / 2, `${historyLength} events in a part`);
      }
      t.is(count, 2);
    });
    t.true(most() <= window);
    t.is(new Set(world.legs.map(({ key }) => key)).size, world.legs.length);
    t.deepEqual(world.resolved, [study.name], 'it was resolved once, whatever has changed since');
  } finally {
    await server.teardown();
  }
});

test.serial('where histories are cut short, studies and parts go on in further runs', async (t) => {
  const smallParts = fileURLToPath(new URL('parts/small-parts.ts', import.meta.url));
  const [seeds, window] = [40, 8];
  const study = sweepOf(seeds, window);
  const { world, most } = countingWorld(5);
  // Far below the usual: a part of a few trials is beyond it, too.
  const server = await developmentServer([
    ...['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=30'],
  ]);
  try {
    const bundle = bundleWorkflows(smallParts);
    await withWorkers(
      server,
      activitiesOf(world),
      async () => {
        const { summary, isRenewed } = await runSweep(server, study);
        t.true(isRenewed, 'the history of the study was never cut');
        t.is(summary.launches, 2 * seeds);
        t.is(summary.counts.complete + summary.counts.found, 2 * seeds);
        const query = "WorkflowType = 'part' AND ExecutionStatus = 'ContinuedAsNew'";
        t.true((await server.client.workflow.count(query)).count > 0, 'no part was cut');
      },
      {},
      bundle,
    );
    t.true(most() <= window);
    t.is(new Set(world.legs.map(({ key }) => key)).size, world.legs.length);
    t.deepEqual(world.resolved, [study.name], 'it was resolved once, whatever has changed since');
  } finally {
    await server.teardown();
  }
});
