import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { openBoard } from '../../k8s/board.ts';
import { createKubernetesExecutor } from '../../k8s/executor.ts';
import { jobName } from '../../k8s/names.ts';
import type { JobSettings } from '../../k8s/settings.ts';
import type { AgedLease, Intent, LegEnd, LegWord } from '../../leg/ports.ts';
import type { Lease } from '../../leg/result.ts';
import type { Leg } from '../../leg/spec.ts';
import { JOB_PATH, POD_PATH, startFakeApi, type FakeApi } from './fake-api.ts';
import type { Stored } from './fake-objects.ts';

const SETTINGS: JobSettings = {
  ...{ namespace: 'test', image: 'kdx/trainer', graceSeconds: 1, keepSeconds: 60 },
  flavours: [
    { name: 'small', device: 'cpu', cpu: '1', memoryCapMiB: 1000 },
    { name: 'large', device: 'cpu', cpu: '1', memoryCapMiB: 4000 },
  ],
  store: { endpoint: 'http://minio:9000', bucket: 'kdx', secret: 'kdx-s3' },
  ...{ checkpointSeconds: 60, cacheMiB: 100 },
};
const SPEC = { kind: 'train', device: { kind: 'cpu' } } as unknown as Leg['spec'];
const LEG: Leg = {
  ...{ key: 'ab'.repeat(32), run: '00000001', launch: 0, spec: SPEC, study: 's', trial: 't' },
  resources: { memoryMiB: 900 },
};
const NAME = jobName(LEG);

/** A lease that was renewed just now, of a leg that got no further for so long. */
function leaseOf(process: string, silentSeconds: number): AgedLease {
  const at = (seconds: number): string => new Date(1e12 + seconds * 1000).toISOString();
  const lease: Lease = {
    ...{ schema: 1 as const, key: LEG.key, process, host: 'node1', startedAt: at(0) },
    ...{ at: at(silentSeconds), advancedAt: at(0), intervalSeconds: 15 },
  };
  return { lease, ageSeconds: 0 };
}

type World = FakeApi & {
  run(leg?: Leg): { ended: Promise<LegEnd>; words: LegWord[]; abort(intent: Intent): void };
  stop(): Promise<void>;
  stopLeg(): Promise<void>;
  /** What the store has; undefined while it is away. */
  lease: () => AgedLease | undefined;
  /** Logs in the store, by key and pod. */
  readonly kept: ReadonlyMap<string, string>;
  job(name?: string): Promise<Stored>;
  pod(name: string, state: object, fields?: object): void;
};

async function world(
  t: ExecutionContext,
  options: Parameters<typeof startFakeApi>[0] = {},
): Promise<World> {
  const fake = await startFakeApi(options);
  const warn = (): void => undefined;
  const board = openBoard({ api: fake.api, namespace: 'test', warn });
  const controls: AbortController[] = [];
  t.teardown(async () => {
    for (const control of controls) control.abort('detach');
    await board.close();
    await fake.stop();
  });
  const youngest: AgedLease = leaseOf('another', 0);
  const state: Pick<World, 'lease'> = { lease: () => youngest };
  const kept = new Map<string, string>();
  const executor = createKubernetesExecutor({
    ...{ api: fake.api, board, settings: SETTINGS, warn },
    readLease: () => {
      const lease = state.lease();
      return lease === undefined ? Promise.reject(new Error('away')) : Promise.resolve(lease);
    },
    keepLogTail: async (key, pod, readTail) => {
      kept.set(`${key}/${pod}`, new TextDecoder().decode(await readTail()));
      return `logs/${pod}`;
    },
    limits: { imageSeconds: 0.3, disruptions: 3, stuckSeconds: -10, progressSeconds: 0 },
  });
  return Object.assign(state, fake, {
    kept,
    run: (leg: Leg = LEG) => {
      const [words, control]: [LegWord[], AbortController] = [[], new AbortController()];
      controls.push(control);
      const report = (word: LegWord): void => void words.push(word);
      const ended = executor.run(leg, { signal: control.signal, report });
      // A rejection is looked at by the test, perhaps later.
      ended.catch(() => undefined);
      return { ended, words, abort: (intent: Intent) => control.abort(intent) };
    },
    stopLeg: () => executor.stop(LEG),
    job: async (name = NAME) => {
      for (let waited = 0; ; waited += 10) {
        if (waited > 20_000) throw new Error(`no Job ${name}; seen ${fake.seen.join(', ')}`);
        const job = fake.get(JOB_PATH, name);
        if (job !== undefined) return job;
        await sleep(10);
      }
    },
    pod: (name: string, containerState: object, fields: object = {}) => {
      const labels = { ...(fake.get(JOB_PATH, NAME)?.metadata.labels ?? {}) };
      fake.put(POD_PATH, name, {
        metadata: { name, labels: { ...labels, 'batch.kubernetes.io/job-name': NAME } },
        spec: { nodeName: 'node1' },
        status: {
          phase: 'terminated' in containerState ? 'Failed' : 'Running',
          containerStatuses: [{ name: 'leg', state: containerState }],
          ...fields,
        },
      });
    },
  });
}

const exited = (exitCode: number, reason = 'Error'): object => ({
  terminated: {
    ...{ exitCode, reason, startedAt: '2026-01-01T00:00:00Z' },
    finishedAt: '2026-01-01T00:01:30Z',
  },
});
const RUNNING = { running: { startedAt: '2026-01-01T00:00:00Z' } };
const finish = (fake: World, type: 'Complete' | 'Failed'): void =>
  fake.put(JOB_PATH, NAME, { status: { conditions: [{ type, status: 'True' }] } });

test('a leg is one Job, and its end comes with its pods and their device time', async (t) => {
  const fake = await world(t);
  const { ended } = fake.run();
  const { metadata } = await fake.job();
  fake.pod('p1', exited(0, 'Completed'));
  finish(fake, 'Complete');
  const end = await ended;
  t.is(end.outcome, 'done');
  t.is(end.deviceSeconds, 90);
  t.like(end.processes[0], { host: 'node1', seconds: 90, exit: 0 });
  t.is(metadata.labels?.['kdx.dev/run'], LEG.run);
  t.is(fake.seen.filter((line) => line === `POST ${JOB_PATH}`).length, 1);
});

test('how a pod ended is known though its watch is behind the one of Jobs', async (t) => {
  const ends = [];
  for (const [exit, condition] of [
    [0, 'Complete'],
    [64, 'Failed'],
  ] as const) {
    const fake = await world(t, { silent: [POD_PATH] });
    const { ended } = fake.run();
    await fake.job();
    fake.pod('p1', exited(exit));
    finish(fake, condition);
    const { outcome, deviceSeconds, processes } = await ended;
    ends.push({ outcome, deviceSeconds, exit: processes[0]?.exit });
  }
  t.deepEqual(ends, [
    { outcome: 'done', deviceSeconds: 90, exit: 0 },
    { outcome: 'badSpec', deviceSeconds: 90, exit: 64 },
  ]);
});

test('a second call adopts the Job of the first', async (t) => {
  const fake = await world(t);
  const first = fake.run();
  await fake.job();
  first.abort('detach');
  await t.throwsAsync(first.ended, { any: true });
  const second = fake.run();
  await sleep(50);
  fake.pod('p1', exited(0));
  finish(fake, 'Complete');
  t.is((await second.ended).outcome, 'done');
  t.is(fake.list(JOB_PATH, '').length, 1);
});

test('a finished Job of another run of the trial is not taken for ours', async (t) => {
  const fake = await world(t);
  const { labels, annotations } = await yesterday(fake, [{ type: 'Failed', status: 'True' }]);
  t.truthy(labels);
  t.truthy(annotations);
  fake.run();
  await fake.job();
  t.is(fake.list(JOB_PATH, '').length, 2);
});

test('a live Job of another run that computes the same key is adopted and marked as ours', async (t) => {
  const fake = await world(t);
  const { name } = await yesterday(fake, []);
  const { ended } = fake.run();
  for (
    let i = 0;
    i < 200 && fake.get(JOB_PATH, name)?.metadata.labels?.['kdx.dev/run'] !== LEG.run;
    i += 1
  ) {
    await sleep(10);
  }
  fake.put(JOB_PATH, name, { status: { conditions: [{ type: 'Complete', status: 'True' }] } });
  t.is((await ended).outcome, 'done');
  t.is(fake.list(JOB_PATH, '').length, 1);
});

/** Leaves the Job of an earlier run of the same trial. */
async function yesterday(fake: World, conditions: object[]): Promise<Stored['metadata']> {
  const leg = { ...LEG, run: '00000000' };
  const run = fake.run(leg);
  const { metadata } = await fake.job(jobName(leg));
  run.abort('detach');
  await run.ended.catch(() => undefined);
  fake.put(JOB_PATH, metadata.name, { status: { conditions } });
  return metadata;
}

test('a Job of the same name that runs another leg is a defect', async (t) => {
  const fake = await world(t);
  fake.run();
  await fake.job();
  const { ended } = fake.run({ ...LEG, trial: 'another' });
  await t.throwsAsync(ended, { message: /runs the leg/ });
});

test('an API server that refuses for a while delays the Job, and makes no second one', async (t) => {
  const fake = await world(t);
  await sleep(100);
  fake.statuses.push(500, 503, 500);
  const { ended } = fake.run();
  await fake.job();
  fake.pod('p1', exited(0));
  finish(fake, 'Complete');
  t.is((await ended).outcome, 'done');
  t.is(fake.list(JOB_PATH, '').length, 1);
});

test('a stop ends the pods, waits for them, and the leg is stopped', async (t) => {
  const fake = await world(t);
  const { ended, abort } = fake.run();
  await fake.job();
  fake.pod('p1', RUNNING);
  abort('stop');
  let over = false;
  void ended.then(
    () => (over = true),
    () => undefined,
  );
  const told = (): unknown => fake.get(POD_PATH, 'p1')?.metadata.deletionTimestamp;
  for (let i = 0; i < 1000 && told() === undefined; i += 1) await sleep(10);
  await sleep(600);
  t.false(over, 'the pod still writes its checkpoint');
  fake.remove(POD_PATH, 'p1');
  t.is((await ended).outcome, 'stopped');
  t.is(fake.get(JOB_PATH, NAME), undefined);
});

for (const intent of ['abandon', 'detach'] as const) {
  test(`a caller that leaves (${intent}) leaves the Job`, async (t) => {
    const fake = await world(t);
    const { ended, abort } = fake.run();
    await fake.job();
    fake.pod('p1', RUNNING);
    abort(intent);
    t.is(await t.throwsAsync(ended, { any: true }), intent);
    t.is(fake.get(JOB_PATH, NAME)?.metadata.deletionTimestamp, undefined);
  });
}

test('a worker that has never heard of the leg can stop it', async (t) => {
  const fake = await world(t);
  const { abort } = fake.run();
  await fake.job();
  abort('detach');
  await fake.stopLeg();
  t.is(fake.list(JOB_PATH, '').length, 0);
});

test('an image that cannot be pulled ends the launch, and its Job', async (t) => {
  const fake = await world(t);
  const { ended } = fake.run();
  await fake.job();
  fake.pod('p1', { waiting: { reason: 'ImagePullBackOff' } }, { phase: 'Pending' });
  const end = await ended;
  t.is(end.outcome, 'imagePull');
  t.is(end.deviceSeconds, 0);
  t.truthy(fake.get(JOB_PATH, NAME)?.metadata.deletionTimestamp);
});

test('a pod that waits for a node keeps the launch waiting', async (t) => {
  const fake = await world(t);
  const { ended } = fake.run();
  await fake.job();
  const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }];
  fake.put(POD_PATH, 'p1', {
    metadata: { name: 'p1', labels: { ...fake.get(JOB_PATH, NAME)?.metadata.labels } },
    status: { phase: 'Pending', conditions },
  });
  let over = false;
  void ended.then(
    () => (over = true),
    () => undefined,
  );
  await sleep(600);
  t.false(over);
});

test('pods that are disrupted again and again end the launch', async (t) => {
  const fake = await world(t);
  const { ended } = fake.run();
  await fake.job();
  const conditions = [
    { type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' },
  ];
  for (const name of ['p1', 'p2', 'p3']) fake.pod(name, exited(143), { conditions });
  const end = await ended;
  t.is(end.outcome, 'disrupted');
  t.is(end.processes.length, 3);
  t.is(end.deviceSeconds, 270);
});

for (const [title, process, silentSeconds, outcome] of [
  ['a leg that makes no progress is ended as stalled', 'own', 301, 'stalled'],
  ['a leg that makes progress goes on', 'own', 299, 'runs'],
  ['the lease of a pod that was replaced stalls no other', 'another', 301, 'runs'],
  ['a leg is not stalled while the store is away', 'away', 301, 'runs'],
] as const) {
  test(title, async (t) => {
    const fake = await world(t);
    const { ended } = fake.run();
    await fake.job();
    fake.pod('p1', RUNNING);
    const uid = String(fake.get(POD_PATH, 'p1')?.metadata['uid']);
    const lease = leaseOf(process === 'own' ? uid : 'another', silentSeconds);
    fake.lease = () => (process === 'away' ? undefined : lease);
    // Reads follow each change of the pod.
    for (const phase of [1, 2]) {
      await sleep(200);
      fake.pod('p1', RUNNING, { phase: 'Running', message: `look ${phase}` });
    }
    const end = await Promise.race([ended, sleep(1000, { outcome: 'runs' })]);
    t.is(end.outcome, outcome);
  });
}

test('a pod that its lost node will never confirm as ended is removed by force', async (t) => {
  const fake = await world(t);
  fake.run();
  await fake.job();
  fake.pod('p1', RUNNING);
  fake.put(POD_PATH, 'p1', {
    metadata: { name: 'p1', deletionTimestamp: new Date().toISOString() },
  });
  for (let i = 0; i < 200 && fake.get(POD_PATH, 'p1') !== undefined; i += 1) await sleep(10);
  t.is(fake.get(POD_PATH, 'p1'), undefined);
});

test('a Job that someone has deleted is a disruption', async (t) => {
  const fake = await world(t);
  const { ended } = fake.run();
  await fake.job();
  await sleep(100);
  fake.remove(JOB_PATH, NAME);
  t.like(await ended, {
    outcome: 'disrupted',
    detail: `the Job ${NAME} was deleted by someone else`,
  });
});

test('a leg that needs more than one flavour gets the next with the memory that it asks for', async (t) => {
  const fake = await world(t);
  fake.run({ ...LEG, resources: { memoryMiB: 900, flavour: 'large' } });
  const job = await fake.job();
  t.is(job.metadata.annotations?.['kdx.dev/flavour'], 'large');
});

test('a leg gets the first flavour with the memory that it asks for', async (t) => {
  const fake = await world(t);
  fake.run({ ...LEG, resources: { memoryMiB: 3000 } });
  const job = await fake.job();
  t.regex(JSON.stringify(job['spec']), /"memory":"3000Mi"/);
  const { ended } = fake.run({ ...LEG, launch: 1, resources: { memoryMiB: 5000 } });
  await t.throwsAsync(ended, {
    message: /no flavour for a leg on cpu with 5000 MiB; there are small/,
  });
});
