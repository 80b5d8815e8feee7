import test, { type ExecutionContext } from 'ava';

import { EXIT } from '../../../leg/outcome.ts';
import type { Checkpoint } from '../../../leg/result.ts';
import { checkpointNames } from '../../../stores/checkpoints.ts';
import { checkpointName, checkpointPrefix, partName, resultName } from '../../../stores/names.ts';
import { listRuns } from '../../../stores/runs.ts';
import { canonicalJson, digestJson } from '../../../study/canonical.ts';
import { studentSpec } from './specs.ts';
import { strike, terminate } from './strike.ts';
import { ERROR, startLegWorld, WARNING, type LegBucket, type LegWorld } from './world.ts';

const spec = studentSpec();
const key = digestJson(spec);
/** A leg that is told to stop after its third step, with a checkpoint after every step. */
const NEWEST = checkpointName(key, 0, 4);
const BEFORE = checkpointName(key, 0, 3);

let world: LegWorld;
let whole: LegBucket;

test.before(async () => {
  world = await startLegWorld();
  whole = await world.bucket();
  await whole.run(spec);
});
test.after.always(() => world.stop());

/** A bucket in which the leg has stopped and left two checkpoints. */
async function stoppedBucket(t: ExecutionContext): Promise<LegBucket> {
  const bucket = await world.bucket();
  const often = { KDX_CHECKPOINT_SECONDS: '0' };
  const { code } = await strike(bucket, spec, terminate, (_, object) => object === BEFORE, often);
  t.is(code, EXIT.stopped);
  t.deepEqual(await checkpointNames(bucket.store, key), [BEFORE, NEWEST]);
  return bucket;
}

type Damage = (bucket: LegBucket, name: string) => Promise<void>;

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function manifestWith(change: (checkpoint: Checkpoint) => unknown): Damage {
  return async ({ store }, name) => {
    const checkpoint = (await store.getJson(name)) as Checkpoint;
    await store.putLatest(name, text(canonicalJson(change(checkpoint))));
  };
}

const cutState: Damage = async ({ store }, name) => {
  const { files } = (await store.getJson(name)) as Checkpoint;
  const state = partName(key, files['state']?.digest ?? '');
  const bytes = (await store.get(state)) as Uint8Array;
  await store.putLatest(state, bytes.subarray(0, bytes.length - 7));
};
const cutManifest: Damage = async ({ store }, name) => {
  const bytes = (await store.get(name)) as Uint8Array;
  await store.putLatest(name, bytes.subarray(0, 100));
};

const damages: Readonly<Record<string, readonly [Damage, RegExp]>> = {
  'a state that is cut short': [
    cutState,
    new RegExp(`^checkpoint 0-4 of ${key} is damaged: .*/parts/[0-9a-f]{64} holds other bytes`),
  ],
  'a manifest that is cut short': [cutManifest, new RegExp(`^${NEWEST} is no checkpoint`)],
  'a manifest without a state': [
    manifestWith((checkpoint) => ({ ...checkpoint, files: {} })),
    /^checkpoint 0-4 of .* is damaged: it names no state/,
  ],
  'a manifest whose state is no digest': [
    manifestWith((checkpoint) => ({ ...checkpoint, files: { state: { digest: '?', bytes: 1 } } })),
    new RegExp(`^${NEWEST} is no checkpoint`),
  ],
  'a manifest without a device class': [
    manifestWith(({ deviceClass: _, ...checkpoint }) => checkpoint),
    new RegExp(`^${NEWEST} is no checkpoint`),
  ],
  'a manifest that takes its log for its state': [
    manifestWith(({ files, ...rest }) => ({ ...rest, files: { ...files, state: files['loop'] } })),
    /^checkpoint 0-4 of .* is damaged: its state is no readable safetensors file/,
  ],
};

for (const [name, [damage, warning]] of Object.entries(damages)) {
  test.serial(`goes on from the checkpoint before, past ${name}`, async (t) => {
    const bucket = await stoppedBucket(t);
    await damage(bucket, NEWEST);
    const exit = await bucket.run(spec);
    t.is(exit.code, EXIT.done, JSON.stringify(exit.log));
    const warnings = exit.log.filter(({ level }) => level === WARNING);
    t.is(warnings.length, 1, JSON.stringify(exit.log));
    t.regex(warnings[0]?.msg ?? '', warning);
    const runs = await listRuns(bucket.store, key);
    t.deepEqual(runs.at(-1)?.resumedFrom, { epoch: 0, step: 3 });
    t.deepEqual(await bucket.store.get(resultName(key)), await whole.store.get(resultName(key)));
    t.deepEqual((await bucket.outcome(spec)).files, (await whole.outcome(spec)).files);
    t.deepEqual(await bucket.store.list(checkpointPrefix(key)), [], 'none outlives the result');
  });
}

for (const [name, damage, why] of [
  ['state', cutState, /^checkpoint 0-4 of .* is damaged: .*; checkpoint 0-3 of .* is damaged: /],
  ['manifest', cutManifest, new RegExp(`^${BEFORE}, ${NEWEST}: none is a checkpoint$`)],
] as const) {
  test.serial(
    `stops where the ${name} of every checkpoint is damaged, and names all`,
    async (t) => {
      const bucket = await stoppedBucket(t);
      for (const checkpoint of [BEFORE, NEWEST]) await damage(bucket, checkpoint);
      const exit = await bucket.run(spec);
      t.is(exit.code, EXIT.badData);
      const errors = exit.log.filter(({ level }) => level >= ERROR);
      t.like(errors, [{ code: 'CheckpointCorrupt' }]);
      t.is(errors.length, 1);
      t.regex(errors[0]?.msg ?? '', why);
      t.deepEqual(exit.wrote, []);
      t.deepEqual(await checkpointNames(bucket.store, key), [BEFORE, NEWEST], 'left to look at');

      for (const checkpoint of [BEFORE, NEWEST]) await bucket.store.remove(checkpoint);
      t.is((await bucket.run(spec)).code, EXIT.done, 'deleted, they are in no way');
      t.deepEqual(await bucket.store.get(resultName(key)), await whole.store.get(resultName(key)));
    },
  );
}
