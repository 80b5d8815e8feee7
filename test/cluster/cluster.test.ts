import test, { type ExecutionContext } from 'ava';
import { forwardService, type ServicePort } from '../../k8s/forward.ts';
import { EXIT } from '../../leg/outcome.ts';
import { listRuns } from '../../stores/runs.ts';
import { digestJson } from '../../study/canonical.ts';
import { studentSpec } from '../bin/trainer/specs.ts';
import { startMinio } from '../servers/minio.ts';
import type { TestS3 } from '../servers/s3.ts';
import { eventually } from '../servers/stack.ts';
import { exitsOf, longSpec, openPlace } from './legs.ts';
import { CLUSTER, config, connect, openNamespace, provide, type Namespace } from './world.ts';

const api = connect();
let server: TestS3;

test.before(async () => {
  server = await startMinio(CLUSTER.hostAddress);
});
test.after.always(() => server.stop());

async function namespace(t: ExecutionContext): Promise<Namespace> {
  const opened = await openNamespace(api, 'test');
  t.teardown(() => opened.remove());
  return opened;
}

test('the trainer without a leg ends with what is missing', async (t) => {
  const { run } = await namespace(t);
  const { exitCode, message } = await run('trainer', { image: CLUSTER.trainerImage });
  t.is(exitCode, EXIT.configuration);
  t.regex(message, /"msg":"KDX_LEG: not set; it must be the digest of a leg"/);
  t.is(message.trim().split('\n').length, 1);
});

test('the worker without servers ends with what is missing', async (t) => {
  const { run } = await namespace(t);
  const { exitCode, message } = await run('worker', { image: CLUSTER.workerImage });
  t.is(exitCode, EXIT.configuration);
  t.regex(message.trim(), /^worker: KDX_TEMPORAL_ADDRESS .*: not set; it must be host:port$/);
  t.is(message.trim().split('\n').length, 1);
});

test("a worker's pod has its workflows, which it could not bundle", async (t) => {
  const { run } = await namespace(t);
  const program = `
    const { workflowBundle } = await import('/app/bin/worker/bundle.ts');
    const { code } = await workflowBundle();
    if (!code.includes('reproduce')) throw new Error('a bundle without the workflow reproduce');`;
  const args = ['--input-type=module', '-e', program];
  const { exitCode, message } = await run('bundle', { image: CLUSTER.workerImage, args });
  t.is(exitCode, 0, message);
});

test('a service of the cluster is reached through a port of this machine', async (t) => {
  const home = await namespace(t);
  const program = "require('node:http').createServer((_, out) => out.end('here')).listen(8080)";
  const container = { image: CLUSTER.trainerImage, args: ['-e', program] };
  const readinessProbe = { tcpSocket: { port: 8080 }, periodSeconds: 1 };
  await home.start('server', { ...container, readinessProbe }, { app: 'server' });
  await provide(api, `/api/v1/namespaces/${home.name}/services`, {
    metadata: { name: 'server' },
    spec: { selector: { app: 'server' }, ports: [{ port: 80, targetPort: 8080 }] },
  });
  const to = { namespace: home.name, service: 'server', port: 80 };
  const said = await eventually('an answer', () => fetchText(to).catch(() => undefined));
  t.is(said, 'here');
  await t.throwsAsync(forwardService(config(), api, { ...to, port: 81 }), {
    message: `the service server of ${home.name} has no port 81; it has 80`,
  });
});

/** What a service of the cluster answers, through a port of this machine. */
async function fetchText(to: ServicePort): Promise<string> {
  const port = await forwardService(config(), api, to);
  const answer = await fetch(`http://127.0.0.1:${port}`);
  return await answer.text();
}

test('a leg runs as a Job, and leaves the result that a process leaves', async (t) => {
  const { bucket, run, runHere } = await openPlace(t, server, 'calm');
  const spec = studentSpec();
  const end = await run(spec);
  t.is(end.outcome, 'done', end.detail);
  t.is(end.processes.length, 1);
  t.true(end.deviceSeconds > 0);
  const [record] = await listRuns(bucket.store, digestJson(spec));
  t.like(record, { process: end.processes[0]?.name, host: end.host });
  t.true(await bucket.store.has(end.log ?? ''), 'its log is kept');
  t.deepEqual(await bucket.outcome(spec), await runHere(spec));
});

test('a leg whose pod is deleted goes on in another one, to the same bytes', async (t) => {
  const { home, bucket, run, runHere, checkpointed } = await openPlace(t, server, 'deleted');
  const spec = longSpec();
  const running = run(spec);
  await checkpointed(spec);
  await home.deletePods();
  const end = await running;
  t.is(end.outcome, 'done', end.detail);
  t.deepEqual(exitsOf(end), [EXIT.stopped, EXIT.done]);
  const runs = await listRuns(bucket.store, digestJson(spec));
  const last = runs.find(({ outcome }) => outcome === 'done');
  t.true((last?.resumedFrom?.step ?? 0) > 0, 'from its checkpoint');
  t.deepEqual(await bucket.outcome(spec), await runHere(spec));
});
