import { randomInt } from 'node:crypto';

import test, { type ExecutionContext } from 'ava';

import { stream } from '../../../learning/engine/random.ts';
import { EXIT } from '../../../leg/outcome.ts';
import type { TrainSpec } from '../../../leg/spec.ts';
import { checkpointNames } from '../../../stores/checkpoints.ts';
import { blobName, checkpointName, checkpointPrefix, resultName } from '../../../stores/names.ts';
import { listRuns } from '../../../stores/runs.ts';
import { digestJson } from '../../../study/canonical.ts';
import { EPOCH_STEPS, explainerSpec, STEPS, studentSpec, taughtSpec } from './specs.ts';
import { kill, orphan, strike, terminate, type Blow, type Moment } from './strike.ts';
import { startLegWorld, type LegBucket, type LegWorld } from './world.ts';

/** `TEST_SEED` draws the same steps again. */
const SEED = Number(process.env['TEST_SEED'] ?? randomInt(2 ** 31));

let world: LegWorld;
/** Legs that nothing disturbs, and legs that are disturbed: same keys, so two buckets. */
let calm: LegBucket;
let rough: LegBucket;

test.before(async () => {
  world = await startLegWorld();
  calm = await world.bucket();
  rough = await world.bucket();
});
test.after.always(() => world.stop());

const engines = ['eager', 'recorded'] as const;

/** The moment in which a leg stores the checkpoint after `step` steps of its training, or a later one. */
function atStep(spec: TrainSpec, step: number): Moment {
  const key = digestJson(spec);
  const epoch = Math.ceil(step / EPOCH_STEPS) - 1;
  const first = checkpointName(key, epoch, step - epoch * EPOCH_STEPS);
  return (verb, object) =>
    verb === 'PUT' &&
    object.endsWith('.json') &&
    object.startsWith(checkpointPrefix(key)) &&
    object >= first;
}

/** Three different steps in order; what is left after the last takes two more. */
function drawSteps(name: string): readonly [number, number, number] {
  const drawn = stream(SEED, name)
    .permutation(STEPS - 3)
    .subarray(0, 3)
    .sort();
  return [...drawn.map((index) => index + 1)] as [number, number, number];
}

/** Strikes a training three times, each time in another way, and lets it end. */
async function disturb(t: ExecutionContext, spec: TrainSpec, name: string): Promise<void> {
  const key = digestJson(spec);
  const steps = drawSteps(name);
  t.log(`TEST_SEED=${SEED}: SIGTERM, SIGKILL, lost parent at steps ${steps.join(', ')}`);
  const often = { KDX_CHECKPOINT_SECONDS: '0' };
  const at = (blow: Blow, step: number) => strike(rough, spec, blow, atStep(spec, step), often);

  const terminated = await at(terminate, steps[0]);
  t.like(terminated, { code: EXIT.stopped, signal: null });
  const killed = await at(kill, steps[1]);
  t.like(killed, { code: null, signal: 'SIGKILL' });
  const orphaned = await at(orphan, steps[2]);
  t.like(orphaned, { code: EXIT.stopped, signal: null });
  t.is(await rough.store.get(resultName(key)), undefined, 'stopped before its end');

  t.is((await rough.run(spec)).code, EXIT.done);
  const runs = await listRuns(rough.store, key);
  t.deepEqual(
    runs.map(({ outcome, resumedFrom }) => [outcome, resumedFrom !== undefined]),
    [
      ['stopped', false],
      ['stopped', true],
      ['done', true],
    ],
    'every launch but the first went on from a checkpoint',
  );
}

/** Both buckets hold the same bytes for a spec: its result and every file it names. */
async function assertSameBytes(
  t: ExecutionContext,
  spec: TrainSpec,
  other: LegBucket,
): Promise<void> {
  const name = resultName(digestJson(spec));
  const undisturbed = await calm.outcome(spec);
  t.is(undisturbed.result.status, 'complete');
  t.deepEqual(Object.keys(undisturbed.files).sort(), ['epochs', 'weights']);
  const disturbed = await other.outcome(spec);
  t.deepEqual(disturbed.result, undisturbed.result);
  t.deepEqual(await other.store.get(name), await calm.store.get(name));
  t.deepEqual(disturbed.files, undisturbed.files);
}

async function calmRun(t: ExecutionContext, spec: TrainSpec, bucket = calm): Promise<void> {
  const exit = await bucket.run(spec);
  t.is(exit.code, EXIT.done, exit.log.at(-1)?.msg);
}

/** Weights of a trained teacher, in every bucket. */
async function teachIn(t: ExecutionContext, ...buckets: readonly LegBucket[]): Promise<string> {
  const teacher = studentSpec({ seeds: { init: 7, data: 7 } });
  await calmRun(t, teacher);
  const weights = (await calm.outcome(teacher)).files['weights'] as Uint8Array;
  const stored = await Promise.all(buckets.map(({ store }) => store.putBlob(weights)));
  return (stored[0] as { digest: string }).digest;
}

const makers: Readonly<Record<string, (t: ExecutionContext) => Promise<TrainSpec>>> = {
  'a student with SGD': async () => studentSpec(),
  'a student with VAM under a teacher': async (t) => taughtSpec(await teachIn(t, calm, rough)),
  'an explainer with soft gates, Adam and dropout': async () => explainerSpec(),
};

for (const engine of engines) {
  for (const [name, make] of Object.entries(makers)) {
    test.serial(
      `${name} that is terminated, killed and orphaned ends alike: ${engine}`,
      async (t) => {
        const spec = { ...(await make(t)), engine };
        await calmRun(t, spec);
        await disturb(t, spec, `${engine}/${name}`);
        await assertSameBytes(t, spec, rough);
      },
    );
  }
}

test.serial('two runs of one recorded training give the same bytes', async (t) => {
  const again = await world.bucket();
  const spec = taughtSpec(await teachIn(t, calm, again), { engine: 'recorded' });
  await calmRun(t, spec);
  await calmRun(t, spec, again);
  await assertSameBytes(t, spec, again);
});

test.serial(
  'a leg stopped before TensorFlow is loaded has left nothing to go on from',
  async (t) => {
    const bucket = await world.bucket();
    const spec = studentSpec();
    const { code } = await strike(bucket, spec, terminate, (_, object) =>
      object.startsWith('blobs/'),
    );
    t.is(code, EXIT.stopped);
    t.deepEqual(await bucket.store.list(checkpointPrefix(digestJson(spec))), []);
    t.deepEqual(await listRuns(bucket.store, digestJson(spec)), []);
  },
);

test.serial(
  'a leg stopped before its first step takes it, and stores it though none is due',
  async (t) => {
    const bucket = await world.bucket();
    const spec = studentSpec();
    const manifest = blobName(spec.dataset.digest);
    const { code } = await strike(bucket, spec, terminate, (_, object) => object === manifest);
    t.is(code, EXIT.stopped);
    const key = digestJson(spec);
    t.deepEqual(await checkpointNames(bucket.store, key), [checkpointName(key, 0, 1)]);
  },
);

test.serial(
  'a leg whose result is there ends at once and writes nothing but its log',
  async (t) => {
    const bucket = await world.bucket();
    const spec = studentSpec();
    await calmRun(t, spec, bucket);
    const { code, log, wrote } = await bucket.run(spec);
    t.is(code, EXIT.done);
    t.is(log.at(-1)?.msg, 'the result is there already');
    t.deepEqual(wrote, []);
  },
);
