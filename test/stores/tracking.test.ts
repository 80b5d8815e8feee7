import { createServer } from 'node:net';
import { once } from 'node:events';
import test from 'ava';
import { openTracking } from '../../stores/tracking.ts';
import {
  artifactOf,
  askMlflow,
  recordOf,
  runsOf as runsOn,
  type MlflowRun,
} from '../servers/mlflow-runs.ts';
import { startMlflow } from '../servers/mlflow.ts';
import { freePorts, type TestServer } from '../servers/process.ts';
import { sampleEpochs, sampleResult, sampleRun } from './samples.ts';

let server: TestServer;

test.before(async () => {
  server = await startMlflow();
});

test.after.always(() => server?.stop());

const ask = <Answer>(path: string, fields?: object): Promise<Answer> =>
  askMlflow<Answer>(server.url, path, fields);
const runsOf = (study: string): Promise<readonly MlflowRun[]> => runsOn(server.url, study);

const trialOf = (study: string, init: number) => {
  const result = sampleResult(init);
  const runs = [sampleRun(result.key, 0), sampleRun(result.key, 1)];
  return { study, trial: `sweep/resnet8/KD/s${init}`, result, runs, epochs: sampleEpochs(4) };
};

async function history(run: MlflowRun | undefined, key: string) {
  type Answer = { readonly metrics: readonly { value: number; step: number; timestamp: number }[] };
  const query = new URLSearchParams({ run_id: run?.info.run_id ?? '', metric_key: key });
  return (await ask<Answer>(`mlflow/metrics/get-history?${query}`)).metrics;
}

test('records trials as children of the run of their study, however many at once', async (t) => {
  const tracking = openTracking({ url: server.url });
  await Promise.all([1, 2, 3].map((init) => tracking.recordTrial(trialOf('family', init))));
  const runs = await runsOf('family');
  const parent = runs.find((run) => recordOf(run.data.tags)['kdx.key'] === 'study/family');
  const children = runs.filter((run) => run !== parent);
  t.is(runs.length, 4);
  for (const child of children) {
    t.is(recordOf(child.data.tags)['mlflow.parentRunId'], parent?.info.run_id);
    t.is(child.info.status, 'FINISHED');
  }
  t.deepEqual(
    children.map(({ info }) => info.run_name).sort(),
    [1, 2, 3].map((init) => `sweep/resnet8/KD/s${init}`),
  );
});

test('records the spec, the curves, the costs, the times and where the files are', async (t) => {
  const trial = trialOf('detail', 5);
  await openTracking({ url: server.url }).recordTrial(trial);
  const run = (await runsOf('detail')).find(({ info }) => info.run_name === trial.trial);
  const params = recordOf(run?.data.params);
  t.is(params['model.name'], 'resnet8');
  t.is(params['train.optimizer.learningRate'], '0.05');
  t.is(params['distillers'], '[{"name":"kd","temperature":4,"weight":0.9}]');
  const tags = recordOf(run?.data.tags);
  t.is(tags['kdx.key'], trial.result.key);
  t.is(tags['kdx.file.weights'], 'a'.repeat(64));
  t.is(tags['kdx.host'], 'laptop');
  const curve = await history(run, 'epoch/test.top1');
  t.deepEqual(
    curve.map(({ step, value }) => [step, value]),
    [
      [1, 82],
      [2, 83],
      [3, 84],
      [4, 85],
    ],
  );
  const start = Date.parse('2026-11-24T04:00:00Z');
  t.is(run?.info.start_time, start);
  t.is(run?.info.end_time, start + 90_000);
  t.is(curve.at(-1)?.timestamp, start + 90_000);
  t.is((await history(run, 'epoch/entropy.level2.intrinsic')).length, 4);
  t.deepEqual(
    (await history(run, 'test.top1.last')).map(({ value }) => value),
    [97.25],
  );
  for (const [cost, value] of [
    ['cost/seconds', 60],
    ['cost/inputSeconds', 0.5],
    ['cost/peakDeviceBytes', 2 * 2 ** 30],
  ] as const) {
    t.deepEqual(
      (await history(run, cost)).map((point) => point.value),
      [value],
    );
  }
});

test('records a trial once, however often and by whomever it is recorded', async (t) => {
  const trial = trialOf('twice', 1);
  await openTracking({ url: server.url }).recordTrial(trial);
  const before = await runsOf('twice');
  await openTracking({ url: server.url }).recordTrial(trial);
  t.deepEqual(await runsOf('twice'), before);
  t.is(
    (
      await history(
        before.find((r) => r.info.run_name === trial.trial),
        'epoch/loss',
      )
    ).length,
    4,
  );
});

test('goes on with a trial whose recording broke off, and repeats nothing', async (t) => {
  const trial = trialOf('broken-off', 1);
  const tracking = openTracking({ url: server.url });
  await tracking.recordTrial(trial);
  const written = (await runsOf('broken-off')).find((r) => r.info.run_name === trial.trial);
  await ask('mlflow/runs/update', { run_id: written?.info.run_id, status: 'RUNNING' });
  await tracking.recordTrial(trial);
  const runs = await runsOf('broken-off');
  t.is(runs.length, 2);
  t.is(runs.find((r) => r.info.run_name === trial.trial)?.info.status, 'FINISHED');
  t.is((await history(written, 'epoch/loss')).length, 4);
});

test('records a long training in batches', async (t) => {
  const trial = { ...trialOf('long', 1), epochs: sampleEpochs(240) };
  await openTracking({ url: server.url }).recordTrial(trial);
  const run = (await runsOf('long')).find(({ info }) => info.run_name === trial.trial);
  t.is((await history(run, 'epoch/term.kd')).length, 240);
});

test('records a training that diverged as failed, and one without a record of its run', async (t) => {
  const result = sampleResult(9, 'diverged');
  const trial = { study: 'diverged', trial: 'sweep/x', result, runs: [], epochs: [] };
  await openTracking({ url: server.url }).recordTrial(trial);
  const run = (await runsOf('diverged')).find(({ info }) => info.run_name === 'sweep/x');
  t.is(run?.info.status, 'FAILED');
  t.is(recordOf(run?.data.tags)['kdx.status'], 'diverged');
});

test('puts the report beside the run of the study, the latest over the one before', async (t) => {
  const tracking = openTracking({ url: server.url });
  const page = (text: string) => Buffer.from(`<h1>${text}</h1>`);
  await tracking.recordReport({ study: 'page', html: page('first') });
  await tracking.recordReport({ study: 'page', html: page('last'), markdown: Buffer.from('# m') });
  const runs = await runsOf('page');
  t.is(runs.length, 1);
  t.is(runs[0]?.info.status, 'FINISHED');
  const [run] = runs;
  if (run === undefined) throw new Error('no run was recorded');
  const text = async (path: string): Promise<string> =>
    new TextDecoder().decode(await artifactOf(server.url, run, path));
  t.is(await text('report/index.html'), '<h1>last</h1>');
  t.is(await text('report/report.md'), '# m');
});

test('brings back the experiment of a study that was deleted', async (t) => {
  const tracking = openTracking({ url: server.url });
  await tracking.recordTrial(trialOf('restored', 1));
  const [first] = await runsOf('restored');
  await ask('mlflow/experiments/delete', { experiment_id: first?.info.experiment_id });
  await tracking.recordTrial(trialOf('restored', 2));
  t.is((await runsOf('restored')).length, 3);
});

test('an absent server is one Tracking error that names it', async (t) => {
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const tracking = openTracking({ url });
  const trial = tracking.recordTrial(trialOf('absent', 1));
  const report = tracking.recordReport({ study: 'absent', html: Buffer.from('') });
  for (const recording of [trial, report]) {
    const error = await t.throwsAsync(recording, { code: 'Tracking' });
    t.true(error?.message.includes(url), error?.message);
    t.regex(error?.message ?? '', /ECONNREFUSED/);
  }
});

test('a server that never answers is one Tracking error', async (t) => {
  const silent = createServer((socket) => t.teardown(() => socket.destroy()));
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.teardown(() => silent.close());
  const address = silent.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const tracking = openTracking({ url: `http://127.0.0.1:${port}`, timeoutSeconds: 0.3 });
  await t.throwsAsync(tracking.recordTrial(trialOf('silent', 1)), { code: 'Tracking' });
});
