import test from 'ava';
import { EXIT } from '../../leg/outcome.ts';
import type { Job } from '../../k8s/objects.ts';
import { startMinio } from '../servers/minio.ts';
import type { TestS3 } from '../servers/s3.ts';
import { eventually } from '../servers/stack.ts';
import { exitsOf, longSpec, openPlace } from './legs.ts';
import { IMPORTANT, provideQueue } from './queue.ts';
import { CLUSTER, connect, GPU, provide, withdraw } from './world.ts';

/* Legs that have to make room for something more important, and go on behind it. */

const api = connect();
let server: TestS3;

const CLASSES = '/apis/scheduling.k8s.io/v1/priorityclasses';
/** Whatever is important has the devices for so long. */
const NAP = { image: CLUSTER.trainerImage, args: ['-e', 'setTimeout(() => {}, 4000)'] };

test.before(async () => {
  server = await startMinio(CLUSTER.hostAddress);
});
test.after.always(() => server.stop());

test.serial('pre-empted by the scheduler: the leg goes on when there is room', async (t) => {
  await provide(api, CLASSES, { metadata: { name: IMPORTANT }, value: 1000 });
  t.teardown(() => withdraw(api, CLASSES, IMPORTANT));
  const { home, bucket, run, runHere, checkpointed } = await openPlace(t, server, 'preempted');
  const spec = longSpec();
  const running = run(spec);
  await checkpointed(spec);
  const limits = { [GPU]: CLUSTER.gpus };
  const important = { ...NAP, resources: { limits } };
  await home.run('important', important, { priorityClassName: IMPORTANT });
  const end = await running;
  t.is(end.outcome, 'done', end.detail);
  t.deepEqual(exitsOf(end), [EXIT.stopped, EXIT.done]);
  t.deepEqual(await bucket.outcome(spec), await runHere(spec));
});

test.serial("pre-empted by Kueue: the leg's Job waits, and goes on", async (t) => {
  const { home, bucket, run, runHere, checkpointed } = await openPlace(t, server, 'suspended', {
    settings: { queue: 'legs' },
  });
  t.teardown(await provideQueue(api, home.name));
  const spec = longSpec();
  const running = run(spec);
  await checkpointed(spec);
  const labels = {
    'kueue.x-k8s.io/queue-name': 'legs',
    'kueue.x-k8s.io/priority-class': IMPORTANT,
  };
  const requests = { cpu: '100m', memory: '64Mi' };
  await home.createJob('important', labels, {
    ...NAP,
    resources: { requests, limits: { memory: '256Mi', [GPU]: 1 } },
  });
  await eventually('the leg is suspended', async () =>
    (await home.jobs()).some(({ metadata, spec: { suspend } = {} }: Job) => {
      return metadata.name !== 'important' && suspend === true;
    }),
  );
  const end = await running;
  t.is(end.outcome, 'done', end.detail);
  t.is(end.processes.length, 2);
  t.is(exitsOf(end).at(-1), EXIT.done);
  t.deepEqual(await bucket.outcome(spec), await runHere(spec));
});
