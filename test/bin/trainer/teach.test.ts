import test from 'ava';

import { openAudit } from '../../../verify/audit.ts';
import { openVerifyTools } from '../../../verify/tools.ts';
import { verifyTrial } from '../../../verify/verify.ts';
import type { LogitsIndex } from '../../../leg/records.ts';
import { EXIT } from '../../../leg/outcome.ts';
import type { TeachSpec, Trained } from '../../../leg/spec.ts';
import { checkpointNames } from '../../../stores/checkpoints.ts';
import { blobName, checkpointName } from '../../../stores/names.ts';
import { listRuns } from '../../../stores/runs.ts';
import { digestJson } from '../../../study/canonical.ts';
import { studentSpec, taughtSpec, withCode } from './specs.ts';
import { watchStore } from './watched-store.ts';
import { startLegWorld, type LegBucket, type LegControl, type LegWorld } from './world.ts';

let world: LegWorld;
test.before(async () => {
  world = await startLegWorld();
});
test.after.always(() => world.stop());

const { device, engine, dataset, train } = studentSpec();
const EPOCHS = 3;
/** Three batches of a teach leg. */
const IMAGES = 250;

function teachSpec({ model, weights }: Trained): TeachSpec {
  return withCode({
    ...{ kind: 'teach', device, engine, code: '', teacher: { model, weights } },
    dataset: { ...dataset, split: { ...dataset.split, train: IMAGES } },
    ...{ augment: train.augment, epochs: EPOCHS, seeds: { data: 2 } },
  });
}

/** A bucket with a trained teacher in it. */
async function taughtBucket(): Promise<{ bucket: LegBucket; teacher: Trained }> {
  const bucket = await world.bucket();
  const spec = studentSpec({ seeds: { init: 7, data: 7 } });
  await bucket.run(spec);
  const { result } = await bucket.outcome(spec);
  const weights = result.files['weights']?.digest ?? '';
  return { bucket, teacher: { model: { name: 'resnet8' }, weights } };
}

/** Runs a teach leg and terminates it when it stores its checkpoint after `step` batches of an epoch. */
async function terminated(bucket: LegBucket, spec: TeachSpec, epoch: number, step: number) {
  const moment = checkpointName(digestJson(spec), epoch, step);
  let leg: LegControl | undefined;
  const gateway = await watchStore(bucket.s3.endpoint, (verb, object) => {
    if (verb === 'PUT' && object === moment) leg?.kill('SIGTERM');
    return 'pass';
  });
  try {
    return await bucket.run(spec, {
      variables: { KDX_S3_ENDPOINT: gateway.endpoint, KDX_CHECKPOINT_SECONDS: '0' },
      onStart: (control) => (leg = control),
    });
  } finally {
    await gateway.stop();
  }
}

test.serial(
  'a teach leg terminated in an epoch goes on in it and leaves the same bytes',
  async (t) => {
    const { bucket, teacher } = await taughtBucket();
    const spec = teachSpec(teacher);
    const stopped = await terminated(bucket, spec, 1, 1);
    t.is(stopped.code, EXIT.stopped, stopped.log.at(-1)?.msg);
    t.is((await checkpointNames(bucket.store, digestJson(spec))).length, 2);
    t.is((await bucket.run(spec)).code, EXIT.done);
    const [first, last] = await listRuns(bucket.store, digestJson(spec));
    t.is(first?.outcome, 'stopped');
    t.like(last, { outcome: 'done', resumedFrom: { epoch: 1 } });

    const calm = await taughtBucket();
    t.deepEqual(calm.teacher, teacher);
    t.is((await calm.bucket.run(spec)).code, EXIT.done);
    t.deepEqual(await bucket.outcome(spec), await calm.bucket.outcome(spec));
  },
);

test.serial(
  'a student in a process of its own learns from logits; they are verified',
  async (t) => {
    const { bucket, teacher } = await taughtBucket();
    const spec = teachSpec(teacher);
    t.is((await bucket.run(spec)).code, EXIT.done);
    const { result, files } = await bucket.outcome(spec);
    const logits = result.files['logits']?.digest ?? '';
    const student = taughtSpec(teacher.weights, {
      dataset: spec.dataset,
      train: { ...train, epochs: EPOCHS },
      teacher: { ...teacher, logits },
    });
    const exit = await bucket.run(withCode(student));
    t.is(exit.code, EXIT.done, exit.log.at(-1)?.msg);

    const tools = await openVerifyTools(spec.device, bucket.store);
    const trial = { node: { id: 'teacher/t/teach', epochs: EPOCHS }, key: result.key, result };
    const verify = () => verifyTrial({ ...trial, sameClass: true }, tools, openAudit(bucket.store));
    const here = await verify();
    t.like(here, [
      { what: 'logits', verdict: 'equal', detail: 'epoch 1 and 3 of 3, 250 × 10 each' },
      { what: 'other epochs', verdict: 'unchecked' },
    ]);

    const index = JSON.parse(new TextDecoder().decode(files['logits'])) as LogitsIndex;
    const second = blobName(index.epochs[1]?.digest ?? '');
    await bucket.store.putLatest(second, new Uint8Array(IMAGES * 10 * 2));
    t.like(await verify(), [
      { what: 'epoch 2 of logits of teacher t · teach', verdict: 'damaged' },
      { what: 'logits', verdict: 'equal' },
    ]);
  },
);
