import test, { type ExecutionContext } from 'ava';

import { EXIT } from '../../../leg/outcome.ts';
import type { Progress } from '../../../leg/result.ts';
import type { EvaluateSpec, EvaluationToCome, Leg, TrainSpec } from '../../../leg/spec.ts';
import { blobName, resultName } from '../../../stores/names.ts';
import { readResult } from '../../../stores/results.ts';
import { listRuns } from '../../../stores/runs.ts';
import { digestJson } from '../../../study/canonical.ts';
import { evaluateSpec, studentSpec, taughtSpec, trainedAs, withCode } from './specs.ts';
import { progressAfter } from '../../../bin/trainer/evaluation-leg.ts';
import { stepsBetween } from '../../../leg/stall.ts';
import { kill, strike, terminate } from './strike.ts';
import { startLegWorld, WARNING, type LegBucket, type LegExit, type LegWorld } from './world.ts';

/*
 * A training leg that computes its evaluation too, held against a training leg and an evaluate leg.
 */

let world: LegWorld;
/** Two legs, nothing disturbs them. */
let calm: LegBucket;
let student: TrainSpec;
let evaluation: EvaluateSpec;
let teacher: string;

test.before(async (t) => {
  world = await startLegWorld();
  calm = await world.bucket();
  const ofTeacher = studentSpec({ seeds: { init: 7, data: 7 } });
  teacher = await weightsOf(t, ofTeacher);
  student = taughtSpec(teacher);
  const network = trainedAs(student, await weightsOf(t, student));
  evaluation = withCode({
    ...evaluateSpec(network),
    teacher: trainedAs(ofTeacher, teacher),
  });
  const { code, log } = await calm.run(evaluation);
  t.is(code, EXIT.done, JSON.stringify(log));
});
test.after.always(() => world.stop());

async function weightsOf(t: Pick<ExecutionContext, 'is'>, spec: TrainSpec): Promise<string> {
  const { code, log } = await calm.run(spec);
  t.is(code, EXIT.done, JSON.stringify(log));
  const { result } = await calm.outcome(spec);
  return result.files['weights']?.digest ?? '';
}

/** What the leg of the student is told. */
function toCome(changes: Partial<EvaluateSpec> = {}): { readonly evaluation: EvaluationToCome } {
  const { network: _, ...spec } = { ...evaluation, ...changes };
  return { evaluation: { trial: 't/evaluation', spec } };
}

/** A bucket with the teacher that was trained in the calm one. */
async function bucketWithTeacher(): Promise<LegBucket> {
  const bucket = await world.bucket();
  await bucket.store.putBlob(await calm.store.getBlob(teacher));
  return bucket;
}

const isThere = async (bucket: LegBucket, spec: TrainSpec | EvaluateSpec): Promise<boolean> =>
  (await readResult(bucket.store, digestJson(spec))) !== undefined;

async function isAsTwoLegs(t: ExecutionContext, bucket: LegBucket): Promise<void> {
  for (const spec of [student, evaluation]) {
    const name = resultName(digestJson(spec));
    t.deepEqual(await bucket.store.get(name), await calm.store.get(name), spec.kind);
    t.deepEqual(await bucket.outcome(spec), await calm.outcome(spec), spec.kind);
  }
}

const warningsOf = ({ log }: LegExit): readonly string[] =>
  log.filter(({ level }) => level >= WARNING).map(({ msg }) => msg);

test.serial('a training leg leaves its evaluation too, the bytes of an evaluate leg', async (t) => {
  const bucket = await bucketWithTeacher();
  const exit = await bucket.run(student, { leg: toCome() });
  t.is(exit.code, EXIT.done, JSON.stringify(exit.log));
  t.deepEqual(warningsOf(exit), []);
  await isAsTwoLegs(t, bucket);

  const runs = await Promise.all(
    [student, evaluation].map((spec) => listRuns(bucket.store, digestJson(spec))),
  );
  t.like(runs, [
    [{ process: exit.process, trial: 't', outcome: 'done', code: student.code }],
    [{ process: exit.process, trial: 't/evaluation', outcome: 'done', code: evaluation.code }],
  ]);
  const [training, evaluated] = runs.map(([run]) => run);
  const seconds = (at: string | undefined): number => Date.parse(at ?? '') / 1000;
  const between = seconds(evaluated?.startedAt) - seconds(training?.startedAt);
  t.true(between >= (training?.seconds ?? Infinity) - 0.01, 'no second is in both records');
  t.is(evaluated?.imagesPerSecond, undefined);
});

test.serial(
  'killed between the two, the training is there, and an evaluate leg does the rest',
  async (t) => {
    const bucket = await bucketWithTeacher();
    const asked = resultName(digestJson(evaluation));
    const isBetween = (verb: string, object: string): boolean => verb === 'GET' && object === asked;
    const exit = await strike(bucket, student, kill, isBetween, {}, toCome());
    t.is(exit.signal, 'SIGKILL');
    t.true(await isThere(bucket, student));
    t.false(await isThere(bucket, evaluation));
    t.deepEqual(await bucket.outcome(student), await calm.outcome(student));
    t.is((await bucket.run(evaluation)).code, EXIT.done);
    await isAsTwoLegs(t, bucket);
  },
);

test.serial(
  'killed before its result is stored, the training is launched again and leaves both',
  async (t) => {
    const bucket = await bucketWithTeacher();
    const result = resultName(digestJson(student));
    const isAtEnd = (verb: string, object: string): boolean => verb === 'PUT' && object === result;
    await strike(bucket, student, kill, isAtEnd, {}, toCome());
    t.false(await isThere(bucket, student));
    t.is((await bucket.run(student, { leg: toCome() })).code, EXIT.done);
    await isAsTwoLegs(t, bucket);
  },
);

test.serial('stopped in its evaluation, a training leg has done its work (exit 0)', async (t) => {
  const bucket = await bucketWithTeacher();
  const asked = resultName(digestJson(evaluation));
  const isBetween = (verb: string, object: string): boolean => verb === 'GET' && object === asked;
  const exit = await strike(bucket, student, terminate, isBetween, {}, toCome());
  t.is(exit.code, EXIT.done);
  t.deepEqual(warningsOf(exit), [], 'to be stopped is no error');
  t.true(await isThere(bucket, student));
  t.false(await isThere(bucket, evaluation));
});

test.serial('an evaluation that fails is no failure of the training, and is named', async (t) => {
  const bucket = await bucketWithTeacher();
  // A teacher that the training does not need.
  const weights = 'a'.repeat(64);
  const spec = studentSpec({ seeds: { init: 8, data: 8 } });
  const judge = trainedAs(spec, weights);
  const exit = await bucket.run(spec, { leg: toCome(withoutVam({ teacher: judge })) });
  t.is(exit.code, EXIT.done);
  const [warning, ...more] = warningsOf(exit);
  t.deepEqual(more, []);
  t.regex(
    warning ?? '',
    new RegExp(`^left to a leg of its own: .*${blobName(weights)} is missing$`),
  );
  t.true(await isThere(bucket, spec));
  t.is((await bucket.store.list('results/')).length, 1);
});

test.serial('an evaluation by other code than that here is left alone', async (t) => {
  const bucket = await bucketWithTeacher();
  const exit = await bucket.run(student, { leg: toCome({ code: 'b'.repeat(64) }) });
  t.is(exit.code, EXIT.done);
  t.regex(warningsOf(exit).join(), /^left to a leg of its own: the spec asks for code b{64}/);
  t.is((await bucket.store.list('results/')).length, 1);
});

test.serial('an evaluation is refused beside another work, and for another device', async (t) => {
  const bucket = await bucketWithTeacher();
  const device = { ...student.device, threads: 2 };
  for (const [spec, leg] of [
    [evaluation, toCome()],
    [student, toCome({ device })],
  ] as const) {
    const exit = await bucket.run(spec, { leg });
    t.is(exit.code, EXIT.badSpec);
    t.regex(
      warningsOf(exit).join(),
      /\$\.evaluation: found in another leg; allowed: in a leg that trains/,
    );
  }
});

/** The evaluation of a plain student, by the code that is here. */
function withoutVam(changes: Partial<EvaluateSpec>): Partial<EvaluateSpec> {
  const network = trainedAs(studentSpec(), 'c'.repeat(64));
  const { code } = withCode({ ...evaluation, network, ...changes });
  return { ...changes, code };
}

test('a leg that evaluates after its training is not seen as stalled, however short a pass is', (t) => {
  const leg = { key: 'k', trial: 't', spec: student } as Leg;
  const at = (epoch: number, step: number, steps: number): Progress => ({
    ...{ key: 'e', process: 'a', trial: 't/evaluation', epoch, epochs: epoch, step, steps },
    ...{ imagesPerSecond: 1, peakBytes: 1, at: '' },
  });
  let before = at(2, 6, 6);
  const reported: Progress[] = [];
  const report = progressAfter(leg, (progress) => reported.push(progress));
  for (const step of [1, 2, 3]) report(at(1, step, 3));
  t.deepEqual(
    reported.map(({ key, trial, epoch, epochs, step, steps }) => [
      key,
      trial,
      epoch,
      epochs,
      step,
      steps,
    ]),
    [2, 4, 6].map((step) => ['k', 't', 3, 3, step, 6]),
  );
  for (const progress of reported) {
    t.true(stepsBetween(before, progress) > 0);
    before = progress;
  }
});
