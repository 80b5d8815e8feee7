import test, { type ExecutionContext } from 'ava';

import { EXIT } from '../../../leg/outcome.ts';
import type { LegSpec, Trained, TrainSpec } from '../../../leg/spec.ts';
import { blobName, resultName } from '../../../stores/names.ts';
import { digestJson } from '../../../study/canonical.ts';
import {
  evaluateSpec,
  explainerSpec,
  explainSpec,
  studentSpec,
  trainedAs,
  treeSpec,
} from './specs.ts';
import { orphan, strike, terminate } from './strike.ts';
import { ERROR, startLegWorld, type LegBucket, type LegWorld } from './world.ts';

let world: LegWorld;
/** Where networks are trained and nothing disturbs a leg. */
let calm: LegBucket;

test.before(async () => {
  world = await startLegWorld();
  calm = await world.bucket();
});
test.after.always(() => world.stop());

async function trained(t: ExecutionContext, spec: TrainSpec): Promise<Trained> {
  const { code, log } = await calm.run(spec);
  t.is(code, EXIT.done, JSON.stringify(log));
  const { result } = await calm.outcome(spec);
  return trainedAs(spec, result.files['weights']?.digest ?? '');
}

/** A bucket with networks that were trained in the calm one. */
async function bucketWith(...networks: readonly Trained[]): Promise<LegBucket> {
  const bucket = await world.bucket();
  for (const { weights } of networks) {
    await bucket.store.putBlob(await calm.store.getBlob(weights));
  }
  return bucket;
}

async function evaluation(t: ExecutionContext) {
  const network = await trained(t, studentSpec());
  return { spec: evaluateSpec(network), networks: [network] };
}

async function explanation(t: ExecutionContext) {
  const soft = await trained(t, explainerSpec());
  const hard = await trained(t, treeSpec(soft));
  return { spec: explainSpec(soft, hard), networks: [soft, hard] };
}

type Maker = (t: ExecutionContext) => Promise<{ spec: LegSpec; networks: readonly Trained[] }>;
const makers: Readonly<Record<'evaluation' | 'explanation', Maker>> = { evaluation, explanation };

for (const [name, make] of Object.entries(makers)) {
  test.serial(
    `an ${name} that is stopped leaves nothing, and done again gives the same bytes`,
    async (t) => {
      const { spec, networks } = await make(t);
      t.is((await calm.run(spec)).code, EXIT.done);
      const bucket = await bucketWith(...networks);
      // Weights are read after it, so that the stop is heard before there is a prediction.
      const manifest = blobName(spec.dataset.digest);
      for (const blow of [terminate, orphan]) {
        const exit = await strike(bucket, spec, blow, (_, object) => object === manifest);
        t.is(exit.code, EXIT.stopped);
        t.deepEqual(
          exit.log.filter(({ level }) => level >= ERROR),
          [],
          'to be stopped is no error',
        );
        t.deepEqual(exit.wrote, []);
      }
      t.is((await bucket.run(spec)).code, EXIT.done);
      const result = resultName(digestJson(spec));
      t.deepEqual(await bucket.store.get(result), await calm.store.get(result));
      const { files } = await calm.outcome(spec);
      t.deepEqual(Object.keys(files), [name]);
      t.deepEqual((await bucket.outcome(spec)).files, files);
    },
  );

  test.serial(`an ${name} of damaged weights is refused (exit 65)`, async (t) => {
    const { spec, networks } = await make(t);
    const { weights } = networks.at(-1) as Trained;
    const bucket = await bucketWith(...networks);
    const bytes = await bucket.store.getBlob(weights);
    await bucket.store.putLatest(blobName(weights), bytes.subarray(0, bytes.length - 4));
    const exit = await bucket.run(spec);
    t.is(exit.code, EXIT.badData);
    const errors = exit.log.filter(({ level }) => level >= ERROR);
    t.like(errors, [{ code: 'DataMismatch' }]);
    t.regex(errors[0]?.msg ?? '', new RegExp(`/blobs/${weights} holds other bytes, of sha256`));
    t.deepEqual(exit.wrote, []);
  });
}
