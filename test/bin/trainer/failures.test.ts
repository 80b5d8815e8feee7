import test, { type ExecutionContext } from 'ava';

import { ERROR_CODES, type ErrorCode } from '../../../leg/errors.ts';
import { EXIT } from '../../../leg/outcome.ts';
import type { LegSpec, TrainSpec } from '../../../leg/spec.ts';
import { blobName, resultName, runName } from '../../../stores/names.ts';
import {
  DIGITS_MANIFEST,
  manifestBytes,
  type DatasetManifest,
} from '../../../study/dataset-manifest.ts';
import { digestJson } from '../../../study/canonical.ts';
import { freePorts } from '../../servers/process.ts';
import { explainerSpec, studentSpec, taughtSpec, withCode } from './specs.ts';
import {
  ERROR,
  startLegWorld,
  type LegBucket,
  type LegExit,
  type LegWorld,
  type RunOptions,
} from './world.ts';

let world: LegWorld;
/** Nothing is ever written to it by a leg: all of its legs fail. */
let bucket: LegBucket;

test.before(async () => {
  world = await startLegWorld();
  bucket = await world.bucket();
});
test.after.always(() => world.stop());

/** A leg failed with a code: one line says why, the last of its log, and nothing was written. */
function assertRefused(t: ExecutionContext, exit: LegExit, code: ErrorCode, why: RegExp): void {
  const errors = exit.log.filter(({ level }) => level >= ERROR);
  t.is(errors.length, 1, JSON.stringify(exit.log));
  t.is(errors[0]?.code, code);
  t.regex(errors[0]?.msg ?? '', why);
  t.is(exit.log.at(-1), errors[0]);
  t.is(exit.code, ERROR_CODES[code].exitCode);
  t.is(exit.stdout, '');
  t.deepEqual(exit.wrote, []);
}

type Changes = Readonly<Record<string, unknown>>;
const { train } = studentSpec();

const specs: readonly (readonly [string, Changes, RegExp, Changes?])[] = [
  [
    'an unknown model',
    { model: { name: 'resnet9' } },
    /^\$\.spec\.model\.name: found "resnet9"; allowed: one of resnet8, /,
  ],
  [
    'a negative count of epochs',
    { train: { ...train, epochs: -3 } },
    /^\$\.spec\.train\.epochs: found -3; allowed: at least 1$/,
  ],
  ['an unknown field', { train: { ...train, epoch: 3 } }, /^\$\.spec\.train\.epoch: unknown field/],
  [
    'a default that is not filled in',
    { train: { ...train, schedule: undefined } },
    /^\$\.spec: a field with a default is absent/,
  ],
  [
    'more images than there are',
    { dataset: { ...studentSpec().dataset, split: { train: 4000, validation: 1, test: 1 } } },
    /dataset\.split\.validation \+ train is 4001; allowed: at most 4000/,
  ],
  [
    'a preset of another dataset',
    { dataset: { ...studentSpec().dataset, preset: 'paper' } },
    /dataset\.preset is paper; allowed: correct/,
  ],
  [
    'a loss that needs a teacher, without one',
    { distillers: [{ name: 'kd', weight: 1, temperature: 4 }] },
    /teacher/,
  ],
  ['gates of a network without any', { gates: 'hard' }, /gates are hard for resnet8; allowed: hme/],
  [
    'a key of another spec',
    {},
    /^\$\.key: found "0{64}"; allowed: "[0-9a-f]{64}"/,
    { key: '0'.repeat(64) },
  ],
  ['a launch that is no count', {}, /^\$\.launch: found -1; allowed: at least 0$/, { launch: -1 }],
];

for (const [name, changes, why, leg = {}] of specs) {
  test.serial(`refuses ${name} (exit 64)`, async (t) => {
    const spec = { ...studentSpec(), ...changes };
    const known = name === 'an unknown model' ? spec : withCode(spec as TrainSpec);
    assertRefused(t, await bucket.run(known, { leg }), 'SpecInvalid', why);
  });
}

test.serial('refuses a leg that is no JSON (exit 64)', async (t) => {
  const { digest } = await bucket.store.putBlob(new TextEncoder().encode('{"key":'));
  const exit = await bucket.run(studentSpec(), { variables: { KDX_LEG: digest } });
  assertRefused(t, exit, 'SpecInvalid', new RegExp(`the leg ${digest} is no JSON`));
});

test.serial('refuses a leg that is not there (exit 65)', async (t) => {
  const digest = 'c'.repeat(64);
  const exit = await bucket.run(studentSpec(), { variables: { KDX_LEG: digest } });
  assertRefused(t, exit, 'DataMismatch', new RegExp(`/blobs/${digest} is missing`));
});

/** A bucket of its own, with a blob in it replaced by other bytes under the same name. */
async function damagedBucket(digest: string, mend: (bytes: Uint8Array) => Uint8Array) {
  const damaged = await world.bucket();
  const name = blobName(digest);
  const bytes = (await damaged.store.get(name)) as Uint8Array;
  await damaged.store.putLatest(name, mend(bytes));
  return damaged;
}

const [trainFile] = DIGITS_MANIFEST.files;
const { digest: trainDigest = '' } = trainFile ?? {};

test.serial('refuses a dataset file that is cut short, naming it (exit 65)', async (t) => {
  const damaged = await damagedBucket(trainDigest, (bytes) => bytes.subarray(0, 10_000));
  assertRefused(
    t,
    await damaged.run(studentSpec()),
    'DataMismatch',
    new RegExp(`^digits: train\\.bin\\.gz is damaged: .*/blobs/${trainDigest} holds other bytes`),
  );
});

test.serial('refuses a dataset whose manifest is damaged (exit 65)', async (t) => {
  const spec = studentSpec();
  const damaged = await damagedBucket(spec.dataset.digest, (bytes) => bytes.with(20, 33));
  const exit = await damaged.run(spec);
  assertRefused(t, exit, 'DataMismatch', new RegExp(`/blobs/${spec.dataset.digest} holds other`));
});

test.serial('takes no damaged result for work that is done (exit 65)', async (t) => {
  const own = await world.bucket();
  const spec = studentSpec();
  const name = resultName(digestJson(spec));
  for (const damaged of ['{"schema":1', JSON.stringify({ schema: 1, key: digestJson(spec) })]) {
    await own.store.putLatest(name, new TextEncoder().encode(damaged));
    assertRefused(t, await own.run(spec), 'DataMismatch', new RegExp(`/${name} is no`));
  }
});

/** The spec of a student on files that a manifest of its own registers. */
async function registered(manifest: DatasetManifest): Promise<TrainSpec> {
  const { digest } = await bucket.store.putBlob(manifestBytes(manifest));
  const spec = studentSpec();
  return { ...spec, dataset: { ...spec.dataset, digest } };
}

test.serial('refuses a dataset file of another size than registered (exit 65)', async (t) => {
  const files = DIGITS_MANIFEST.files.map((file) => ({ ...file, bytes: file.bytes + 1 }));
  const exit = await bucket.run(await registered({ ...DIGITS_MANIFEST, files }));
  assertRefused(t, exit, 'DataMismatch', /^digits: train\.bin\.gz has 732343 bytes; wanted 732344/);
});

test.serial('refuses a dataset that lacks a file (exit 65)', async (t) => {
  const files = DIGITS_MANIFEST.files.slice(0, 1);
  const exit = await bucket.run(await registered({ ...DIGITS_MANIFEST, files }));
  assertRefused(t, exit, 'DataMismatch', /lists train\.bin\.gz of digits; wanted train.*test/);
});

test.serial('refuses weights of a teacher that are damaged (exit 65)', async (t) => {
  const damaged = await world.bucket();
  const { digest } = await damaged.store.putBlob(new TextEncoder().encode('weights'));
  await damaged.store.putLatest(blobName(digest), new TextEncoder().encode('weighty'));
  const exit = await damaged.run(taughtSpec(digest));
  assertRefused(t, exit, 'DataMismatch', new RegExp(`/blobs/${digest} holds other bytes`));
});

test.serial('refuses weights of a teacher that are no weights (exit 65)', async (t) => {
  const { digest } = await bucket.store.putBlob(new TextEncoder().encode('these are no weights'));
  const exit = await bucket.run(taughtSpec(digest));
  assertRefused(
    t,
    exit,
    'CheckpointCorrupt',
    new RegExp(`^weights ${digest} is no readable safetensors file: its header ends at`),
  );
});

test.serial(
  'refuses to run under other sources than the key was made with (exit 78)',
  async (t) => {
    const spec = { ...studentSpec(), code: 'd'.repeat(64) };
    const exit = await bucket.run(spec);
    assertRefused(t, exit, 'CodeMismatch', /asks for code d{64}; here is [0-9a-f]{64}$/);
  },
);

test.serial('says that the store cannot be reached (exit 69)', async (t) => {
  const [port] = await freePorts(1);
  const variables = { KDX_S3_ENDPOINT: `http://127.0.0.1:${port}` };
  const exit = await bucket.run(studentSpec(), { variables });
  assertRefused(
    t,
    exit,
    'ObjectStore',
    new RegExp(`^read http://127.0.0.1:${port}/.*ECONNREFUSED`),
  );
});

const variables: readonly (readonly [string, RunOptions['variables'] & object, RegExp])[] = [
  ['no leg', { KDX_LEG: undefined }, /^KDX_LEG: not set; it must be the digest of a leg/],
  ['a leg that is no digest', { KDX_LEG: 'leg' }, /^KDX_LEG: "leg"; it must be the digest/],
  [
    'a name of a process that is none',
    { KDX_PROCESS: '../a' },
    /^KDX_PROCESS: "\.\.\/a"; it must be/,
  ],
  [
    'an endpoint that is no URL',
    { KDX_S3_ENDPOINT: '127.0.0.1:9000' },
    /^KDX_S3_ENDPOINT: "127\.0\.0\.1:9000" is not http\(s\):\/\/host/,
  ],
  ['no bucket', { KDX_S3_BUCKET: undefined }, /^KDX_S3_BUCKET: not set; it must be 3 to 63/],
  ['a bucket that cannot be', { KDX_S3_BUCKET: 'A' }, /^KDX_S3_BUCKET: "A" is not 3 to 63/],
  [
    'a variable nobody knows',
    { KDX_CHECKPOINT_SECOND: '5' },
    /^KDX_CHECKPOINT_SECOND: unknown variable; known/,
  ],
  [
    'a cache that is no absolute path',
    { KDX_CACHE_DIR: 'cache' },
    /^KDX_CACHE_DIR: "cache" is not an absolute path/,
  ],
  [
    'a bound of its cache in other units than bytes',
    { KDX_BLOB_CACHE_BYTES: '20' },
    /^KDX_BLOB_CACHE_BYTES: "20" is not bytes as digits alone: 0, which keeps nothing, or 1048576/,
  ],
  [
    'an interval that is none',
    { KDX_CHECKPOINT_SECONDS: '-1' },
    /^KDX_CHECKPOINT_SECONDS: "-1" is not seconds from 0 up/,
  ],
  [
    'a secret that is too short, and does not show it',
    { KDX_S3_SECRET_KEY: 'hunter2' },
    /^KDX_S3_SECRET_KEY: a value of 7 characters is not at least 8 characters$/,
  ],
  [
    'a secret that is not the one of the server',
    { KDX_S3_SECRET_KEY: 'not-the-secret-of-it' },
    /^read http:.*SignatureDoesNotMatch/,
  ],
  [
    'a user whom the server does not know',
    { KDX_S3_ACCESS_KEY: 'nobody' },
    /^read http:.*InvalidAccessKeyId/,
  ],
];

for (const [name, changed, why] of variables) {
  test.serial(`refuses ${name} (exit 78)`, async (t) => {
    const exit = await bucket.run(studentSpec(), { variables: changed });
    assertRefused(t, exit, 'Configuration', why);
  });
}

/** A rate that no training survives, for a network or the experts of an explainer. */
function divergingSpecs(): readonly (readonly [string, LegSpec])[] {
  const student = studentSpec();
  const explainer = explainerSpec({ engine: 'recorded' });
  const wild = <Spec extends TrainSpec>(spec: Spec): Spec => {
    const optimizer = { ...spec.train.optimizer, learningRate: 1e30 };
    return { ...spec, train: { ...spec.train, optimizer } };
  };
  return [
    ['a student', wild(student)],
    ['an explainer', wild(explainer)],
  ];
}

for (const [name, spec] of divergingSpecs()) {
  test.serial(
    `${name} whose loss is no number has a result that says where (exit 0)`,
    async (t) => {
      const own = await world.bucket();
      const exit = await own.run(spec);
      t.is(exit.code, EXIT.done, JSON.stringify(exit.log));
      const { result } = await own.outcome(spec);
      t.is(result.status, 'diverged');
      t.is(result.diverged?.epoch, 1);
      t.true(Number(result.diverged?.step) >= 2, 'the first loss is still a number');
      t.deepEqual(Object.keys(result.files), ['epochs']);
      const key = digestJson(spec);
      t.like(await own.store.getJson(runName(key, exit.process)), { outcome: 'diverged' });
    },
  );
}
