import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import test from 'ava';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLegActivities } from '../../activities/leg.ts';
import { createStudyActivities } from '../../activities/study.ts';
import { KdxError } from '../../leg/errors.ts';
import type { Executor, LegWord } from '../../leg/ports.ts';
import type { StudyStatus } from '../../study/status.ts';
import { emptyStore } from '../cli/study/store.ts';
import {
  activitiesOf,
  createWorld,
  developmentServer,
  smallStudy,
  withWorkers,
} from '../workflows/world.ts';

const LOST_SECONDS = 4;

/** Legs whose first attempt is lost, and whose second goes on until it is told to stop. */
function executorOf(startedAt: number[]): Executor {
  return {
    name: 'local',
    run: async ({ key, trial }, { signal, report }) => {
      startedAt.push(performance.now());
      const name = `p${startedAt.length}`;
      const from = performance.now();
      const soFar = (): LegWord => wordAfter(name, (performance.now() - from) / 1000);
      if (startedAt.length === 1) {
        await sleep(LOST_SECONDS * 1000);
        report(soFar());
        throw new KdxError('ObjectStore', 'the store is away');
      }
      const say = (): void => report({ ...soFar(), progress: { ...PROGRESS, key, trial } });
      const talk = setInterval(say, 200);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      clearInterval(talk);
      return { outcome: 'stopped', detail: 'exit 75', host: 'h1', ...soFar() };
    },
    stop: () => Promise.resolve(),
  };
}

function wordAfter(name: string, seconds: number): LegWord {
  const process = { name, host: 'h1', startedAt: '', seconds };
  return { processes: [process], deviceSeconds: seconds };
}

const PROGRESS = {
  ...{ process: 'n0-a', epoch: 0, epochs: 1, step: 0, steps: 1 },
  ...{ imagesPerSecond: 1, etaSeconds: 1, peakBytes: 1, at: '' },
};

test('the heartbeats of a leg that goes on say when the limit is reached, lost attempts included', async (t) => {
  const server = await developmentServer();
  t.teardown(() => server.teardown());
  const artifacts = await emptyStore(t);
  const startedAt: number[] = [];
  const { runLeg } = createLegActivities({ artifacts, executor: executorOf(startedAt) });
  const { measureLegs } = createStudyActivities({
    artifacts,
    catalog: {
      places: () => [],
      dataset: () => Promise.resolve({ digest: '' }),
      readCodeIndex: () => Promise.reject(new Error('not asked for')),
    },
    temporal: server.client,
  });
  const study = smallStudy({ limits: { parallel: 1, gpuHours: 0.001 } });
  const measured: number[] = [];
  let ofSecondAttempt = Number.POSITIVE_INFINITY;
  const activities = {
    ...activitiesOf(createWorld()),
    runLeg,
    measureLegs: async (workflowIds: readonly string[]) => {
      const seconds = await measureLegs([...workflowIds, 'trial/none']);
      measured.push(...seconds);
      ofSecondAttempt = (performance.now() - (startedAt[1] ?? 0)) / 1000;
      return seconds;
    },
  };
  await withWorkers(server, activities, async () => {
    const workflowId = `reproduce/${study.name}`;
    const options = { taskQueue: 'kdx', workflowId, args: [study] };
    const handle = await server.client.workflow.start('reproduce', options);
    const error: unknown = await handle.result().catch((reason: unknown) => reason);
    const cause = error instanceof WorkflowFailedError ? error.cause : undefined;
    t.true(cause instanceof ApplicationFailure && cause.type === 'BudgetExceeded');
    const { gpuHours } = await handle.query<StudyStatus>('status');
    const [leg = 0, none] = measured;
    t.is(none, 0, 'a trial that is not there has used nothing');
    // Heartbeats are a second old or two; what was lost is longer than that.
    t.true(leg > ofSecondAttempt + 1, `measured ${leg} s, of which at most ${ofSecondAttempt} s`);
    t.true((gpuHours?.used ?? 0) * 3600 >= leg, 'what it used until it had stopped');
  });
  t.is(startedAt.length, 2);
});
