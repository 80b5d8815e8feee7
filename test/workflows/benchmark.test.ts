import { WorkflowFailedError } from '@temporalio/client';
import { ActivityFailure, ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import test, { type ExecutionContext } from 'ava';
import { randomUUID } from 'node:crypto';
import { createBenchmarkActivities } from '../../activities/benchmark.ts';
import type { Verdict } from '../../activities/contract.ts';
import { LOCAL_PLACE, type Leg } from '../../leg/spec.ts';
import { recordRun } from '../../stores/runs.ts';
import { emptyStore } from '../cli/study/store.ts';
import {
  activitiesOf,
  CODE_INDEX,
  createWorld,
  developmentServer,
  done,
  withWorkers,
} from './world.ts';

let server: TestWorkflowEnvironment;
test.before(async () => {
  server = await developmentServer();
});
test.after.always(() => server.teardown());

type Lab = {
  /** Runs the benchmark on a device of that pace. */
  run(imagesPerSecond: number, input?: unknown): Promise<readonly Verdict[]>;
  readonly legs: readonly Leg[];
  readonly recorded: readonly string[];
};

/** A store, and trainings that are as fast as they are told. */
async function lab(t: ExecutionContext): Promise<Lab> {
  const artifacts = await emptyStore(t);
  const world = createWorld();
  let rate = 0;
  world.leg = async (leg) => {
    const { key, trial, study, launch } = leg;
    // No two runs are alike: within a per cent.
    const scatter = 1 + 0.01 * Math.sin(world.legs.length);
    await recordRun(artifacts, {
      ...{ schema: 1, key, process: 'p', study, trial, launch, outcome: 'done' },
      ...{ startedAt: '2026-11-24T04:00:00Z', seconds: 1, peakBytes: 1, host: 'h', code: 'c' },
      deviceClass: { kind: 'cpu', model: 'm', threads: 1, tensorflow: '2.21.0' },
      ...{ imagesPerSecond: 1, steadyImagesPerSecond: rate * scatter },
    });
    return done(world, leg);
  };
  const activities = {
    ...activitiesOf(world),
    ...createBenchmarkActivities({
      artifacts,
      catalog: {
        places: () => [LOCAL_PLACE],
        dataset: () => Promise.resolve({ digest: 'dataset' }),
        readCodeIndex: () => Promise.resolve(CODE_INDEX),
      },
    }),
  };
  return {
    ...{ legs: world.legs, recorded: world.recorded },
    run: async (imagesPerSecond, input) => {
      rate = imagesPerSecond;
      const args = input === undefined ? [] : [input];
      const options = { taskQueue: 'kdx', workflowId: randomUUID(), args };
      return await withWorkers(server, activities, async () => {
        try {
          const verdicts: unknown = await server.client.workflow.execute('benchmark', options);
          return verdicts as readonly Verdict[];
        } finally {
          // It outlives its benchmark; these workers do not.
          const recorder = server.client.workflow.getHandle('record/benchmark');
          await recorder.result().catch(() => undefined);
        }
      });
    },
  };
}

async function failureOf(work: Promise<unknown>): Promise<ApplicationFailure> {
  const error = await work.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  const thrown = error instanceof WorkflowFailedError ? error.cause : error;
  const cause = thrown instanceof ActivityFailure ? thrown.cause : thrown;
  if (cause instanceof ApplicationFailure) return cause;
  throw new Error(`it did not fail: ${String(cause)}`);
}

test.serial('every run trains anew, and a lasting loss of pace fails it', async (t) => {
  const { run, legs, recorded } = await lab(t);
  const input = { models: ['resnet8', 'resnet14'] };
  for (let night = 0; night < 7; night += 1) {
    const verdicts = await run(100, input);
    t.deepEqual(
      verdicts.map(({ verdict, runs }) => [verdict, runs]),
      [
        ['new', night + 1],
        ['new', night + 1],
      ],
    );
  }
  t.is(legs.length, 14);
  t.is(new Set(legs.map(({ key }) => key)).size, 14);
  t.true((await run(100, input)).every(({ verdict }) => verdict === 'steady'));
  // One slow night is none.
  t.true((await run(80, input)).every(({ verdict }) => verdict === 'steady'));
  await run(80, input).catch(() => undefined);
  const { type, message, details } = await failureOf(run(80, input));
  t.is(type, 'Regression');
  t.regex(
    message,
    /^slower than before: host\/resnet8\/cpu\/1t\/float32\/recorded\/b64 -\d+\.\d %/,
  );
  const verdicts = details?.[0] as readonly Verdict[];
  t.deepEqual(
    verdicts.map(({ verdict }) => verdict),
    ['slower', 'slower'],
  );
  t.is(recorded.length, legs.length, 'in MLflow too');
});

test.serial('what is asked for and is not there is refused by its place', async (t) => {
  const { run } = await lab(t);
  const refused = async (input: unknown): Promise<string> =>
    (await failureOf(run(1, input))).message;
  t.regex(await refused({ model: ['resnet8'] }), /^\$\.model: unknown field/);
  t.regex(await refused({ models: ['hme_ltb'] }), /^\$\.models\[0\]: found "hme_ltb"; allowed: /);
  t.regex(await refused({ epochs: 1 }), /^\$\.epochs: found 1; allowed: /);
  t.is(await refused({ flavours: ['a100'] }), '$.flavours: found "a100"; allowed: none');
  t.regex(
    await refused({ executor: 'pool' }),
    /^\$\.executor: found "pool"; allowed on cpu: auto, local/,
  );
});
