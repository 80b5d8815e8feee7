import test from 'ava';

import { EXIT } from '../../../leg/outcome.ts';
import { checkpointName } from '../../../stores/names.ts';
import { listRuns } from '../../../stores/runs.ts';
import { digestJson } from '../../../study/canonical.ts';
import { studentSpec } from './specs.ts';
import { watchStore } from './watched-store.ts';
import { startLegWorld, type LegControl, type LegWorld } from './world.ts';

/** Enough batches for a thread, before and after the stop; 48 an epoch. */
const spec = studentSpec({
  engine: 'recorded',
  train: { ...studentSpec().train, batch: 2, epochs: 7 },
});

let world: LegWorld;

test.before(async () => {
  world = await startLegWorld();
});
test.after.always(() => world.stop());

test('a leg whose batches come from a thread stops within an epoch and ends with the same bytes', async (t) => {
  const [calm, rough] = [await world.bucket(), await world.bucket()];
  t.is((await calm.run(spec)).code, EXIT.done);

  let leg: LegControl | undefined;
  const moment = checkpointName(digestJson(spec), 2, 7);
  const gateway = await watchStore(rough.s3.endpoint, (verb, object) => {
    if (verb === 'PUT' && object === moment) leg?.kill('SIGTERM');
    return 'pass';
  });
  t.teardown(() => gateway.stop());
  const stopped = await rough.run(spec, {
    variables: { KDX_S3_ENDPOINT: gateway.endpoint, KDX_CHECKPOINT_SECONDS: '0' },
    onStart: (control) => (leg = control),
  });
  t.is(stopped.code, EXIT.stopped);
  t.is((await rough.run(spec)).code, EXIT.done);

  t.deepEqual(await rough.outcome(spec), await calm.outcome(spec));
  const runs = await listRuns(rough.store, digestJson(spec));
  const resumed = runs.find(({ resumedFrom }) => resumedFrom !== undefined)?.resumedFrom;
  t.is(resumed?.epoch, 2);
  t.true([7, 8].includes(resumed?.step ?? 0), `resumed from step ${resumed?.step}`);
});
