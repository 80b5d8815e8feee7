import test from 'ava';

import { EXIT } from '../../../leg/outcome.ts';
import type { TrainSpec } from '../../../leg/spec.ts';
import { listRuns } from '../../../stores/runs.ts';
import { digestJson } from '../../../study/canonical.ts';
import { studentSpec } from './specs.ts';
import { ERROR, startLegWorld, type LegBucket, type LegExit, type LegWorld } from './world.ts';

let world: LegWorld;
let bucket: LegBucket;

test.before(async () => {
  world = await startLegWorld();
  bucket = await world.bucket();
});
test.after.always(() => world.stop());

function on(device: Partial<TrainSpec['device']>, engine: TrainSpec['engine']): TrainSpec {
  return studentSpec({
    device: { kind: 'cpu', threads: 1, precision: 'float32', ...device },
    engine,
  });
}

/** Code and text of the one error that a leg ended with. */
function failure({ log }: LegExit): string {
  const errors = log.filter(({ level }) => level >= ERROR);
  return errors.map(({ code, msg }) => `${code}: ${msg}`).join('\n');
}

test('a leg that wants a GPU says what is there instead', async (t) => {
  const exit = await bucket.run(on({ kind: 'cuda' }, 'eager'));
  t.is(exit.code, EXIT.configuration);
  t.regex(
    failure(exit),
    /^Configuration: device\.kind is cuda, but TensorFlow [\d.]+ sees the CPU only \(NVIDIA driver: .*; devices: .*; CUDA_VISIBLE_DEVICES: not set\)/,
  );
});

test('a leg that is left several GPUs takes none of them', async (t) => {
  const variables = { CUDA_VISIBLE_DEVICES: '0,1' };
  // Of its own: a leg that another test runs at the same time holds the lease.
  const own = await world.bucket();
  const exit = await own.run(on({ kind: 'cuda' }, 'eager'), { variables });
  t.is(exit.code, EXIT.configuration);
  t.regex(failure(exit), /^Configuration: CUDA_VISIBLE_DEVICES is 0,1, so 2 GPUs are in sight/);
});

test('a precision of another device is a bad spec', async (t) => {
  const exit = await bucket.run(on({ precision: 'tf32' }, 'eager'));
  t.is(exit.code, EXIT.badSpec);
  t.regex(failure(exit), /^SpecInvalid: .*tf32; allowed: float32, bf16 on cpu/);
});

test('a leg in bfloat16 has bytes of its own, the same in another process', async (t) => {
  const coarse = on({ precision: 'bf16' }, 'recorded');
  const exact = on({}, 'recorded');
  const other = await world.bucket();
  for (const [place, spec] of [
    [bucket, coarse],
    [other, coarse],
    [bucket, exact],
  ] as const) {
    t.is((await place.run(spec)).code, EXIT.done);
  }
  const outcome = await bucket.outcome(coarse);
  t.deepEqual(await other.outcome(coarse), outcome);
  t.notDeepEqual(outcome.files, (await bucket.outcome(exact)).files);
  const [run] = await listRuns(bucket.store, digestJson(coarse));
  t.is(run?.peakDeviceBytes, undefined, 'a CPU has no memory of its own');
  t.true((run?.inputSeconds ?? -1) >= 0);
});
