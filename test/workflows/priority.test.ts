import type { WorkflowHandle } from '@temporalio/client';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import test from 'ava';
import { execa } from 'execa';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StudyInput } from '../../study/schema.ts';
import type { StudyStatus } from '../../study/status.ts';
import { trialWorkflowId } from '../../workflows/trial.ts';
import {
  activitiesOf,
  createWorld,
  developmentServer,
  done,
  smallStudy,
  toolchain,
  withWorkers,
} from './world.ts';

let server: TestWorkflowEnvironment;

test.before(async () => {
  // As `kdx up` starts it.
  const settings = ['numTaskqueueReadPartitions=1', 'numTaskqueueWritePartitions=1'];
  server = await developmentServer(
    [...settings, 'enableFairness=true'].flatMap((value) => [
      ...['--dynamic-config-value', `matching.${value}`],
    ]),
  );
});
test.after.always(() => server.teardown());

const start = (name: string, changes: Partial<StudyInput> = {}): Promise<WorkflowHandle> =>
  server.client.workflow.start('sweep', {
    ...{ taskQueue: 'kdx', workflowId: `sweep/${name}` },
    args: [smallStudy({ name, limits: { parallel: 20 }, ...changes })],
  });

async function untilRunning(handle: WorkflowHandle, trials: number): Promise<void> {
  const running = async () => (await handle.query<StudyStatus>('status')).counts.running;
  while ((await running()) < trials) await sleep(20);
  // Their activities are in the queue a moment later.
  await sleep(500);
}

const seeds = (first: number) => ({ init: [first, first + 1], data: [first, first + 1] });

test.serial(
  'with one slot, legs go by the priority of their study, then teachers first',
  async (t) => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const world = createWorld(async (leg) => {
      await (world.legs.length === 1 ? held : sleep(40));
      return done(world, leg);
    });
    await withWorkers(
      server,
      activitiesOf(world),
      async () => {
        const plug = await start('plug', { seeds: seeds(10), limits: { parallel: 1 } });
        await untilRunning(plug, 1);
        await plug.signal('pause');
        const first = await start('first', { seeds: seeds(20) });
        await untilRunning(first, 3);
        t.is(await first.executeUpdate('setPriority', { args: ['low'] }), 'normal');
        const last = await start('last', { seeds: seeds(30) });
        const urgent = await start('urgent', {
          seeds: seeds(40),
          limits: { parallel: 20, priority: 'high' },
        });
        await Promise.all([last, urgent].map((handle) => untilRunning(handle, 3)));
        release();
        await Promise.all([first, last, urgent].map((handle) => handle.result()));
        await plug.terminate();
      },
      { 'kdx-legs-cpu': 1 },
    );
    const order = world.legs
      .filter(({ spec }) => spec.kind === 'train')
      .map(({ study, trial }) => `${study} ${trial}`);
    const at = (name: string): number => order.findIndex((line) => line.startsWith(name));
    t.regex(order[1] ?? '', /^urgent /, order.join('\n'));
    t.true(at('urgent teacher') < at('first teacher'), order.join('\n'));
    for (const study of ['first', 'last']) {
      t.true(at(`${study} teacher`) < at('first sweep/resnet8/CE'), order.join('\n'));
      t.true(at(`${study} teacher`) < at('last sweep/resnet8/CE'), order.join('\n'));
    }
    // Launched before the update, and after it.
    for (const [method, key] of [
      ['CE', 4],
      ['KD', 5],
    ] as const) {
      const leg = world.legs.find(
        ({ study, trial }) => study === 'first' && trial.includes(`/${method}/`),
      );
      const { events } = await server.client.workflow
        .getHandle(trialWorkflowId(leg?.key ?? ''))
        .fetchHistory();
      const scheduled = events?.find(
        ({ activityTaskScheduledEventAttributes: own }) => own?.activityType?.name === 'runLeg',
      );
      const { priority } = scheduled?.activityTaskScheduledEventAttributes ?? {};
      t.like(priority, { priorityKey: key, fairnessKey: 'first' });
    }
  },
);

test.serial('the plain CLI sets a priority, and a wrong one is refused', async (t) => {
  const world = createWorld();
  await withWorkers(server, activitiesOf(world), async () => {
    const handle = await start('steered', { seeds: seeds(50), limits: { parallel: 1 } });
    await handle.signal('pause');
    const { stdout } = await execa(toolchain().temporal, [
      ...['workflow', 'update', 'execute', '--address', server.address, '--output', 'json'],
      ...['--workflow-id', 'sweep/steered', '--name', 'setPriority', '--input', '"high"'],
    ]);
    t.regex(stdout, /"normal"/);
    const refused = await t.throwsAsync(handle.executeUpdate('setPriority', { args: ['urgent'] }), {
      instanceOf: WorkflowUpdateFailedError,
    });
    t.is(refused.cause?.message, 'setPriority: found "urgent"; allowed: high, normal, low');
    await handle.terminate();
  });
});
