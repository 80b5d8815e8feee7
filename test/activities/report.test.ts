import { MockActivityEnvironment } from '@temporalio/testing';
import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import { drawReport, type RenderPort } from '../../activities/draw.ts';
import { keepFailures } from '../../activities/failures.ts';
import { gatherStudy } from '../../activities/gather.ts';
import { createRecordActivities } from '../../activities/record.ts';
import { createReportActivities } from '../../activities/report.ts';
import { createStudyActivities } from '../../activities/study.ts';
import { resultName } from '../../stores/names.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import type { TrialRecord } from '../../stores/tracking.ts';
import { expandStudy } from '../../study/plan/plan.ts';
import { digestJson } from '../../study/canonical.ts';
import { resolveStudy } from '../../study/resolve.ts';
import { toReportInput, type GatheredTrial } from '../../report/input.ts';
import { LOCAL_PLACE } from '../../leg/spec.ts';
import { compute, CONTEXT, emptyStore } from '../cli/study/store.ts';
import { smallStudy } from '../workflows/world.ts';

const written = smallStudy();
const resolution = resolveStudy(written);
if (!resolution.ok) throw new Error('the small study is a study');
const { study } = resolution;
const STUDENT = 'sweep/resnet8/CE/s1';

/** The activities of a worker over a store of the test's own, in which the whole study is computed. */
async function worldOf(t: Parameters<typeof emptyStore>[0]) {
  const artifacts = await emptyStore(t);
  await compute(artifacts, study, () => ({}));
  const gathered: GatheredTrial[] = [];
  const recorded: TrialRecord[] = [];
  const pages: { readonly html: Uint8Array; readonly markdown?: Uint8Array }[] = [];
  const { resolveStudy: resolve, readStudy } = createStudyActivities({
    artifacts,
    catalog: {
      places: () => [LOCAL_PLACE],
      dataset: () => Promise.resolve({ digest: CONTEXT.datasetDigest }),
      readCodeIndex: () => Promise.resolve(CONTEXT.code),
    },
    temporal: { connection: undefined } as never,
  });
  const render: RenderPort = async ({ trials }) => {
    gathered.push(...trials);
    return { html: '<p>page</p>', markdown: '# page', files: [] };
  };
  const { renderReport } = createReportActivities((input) =>
    drawReport({ artifacts, render }, input),
  );
  const record = createRecordActivities({
    artifacts,
    tracking: {
      recordTrial: async (trial) => void recorded.push(trial),
      recordReport: async (page) => void pages.push(page),
    },
  });
  const environment = new MockActivityEnvironment();
  const run = <T>(work: () => Promise<T>): Promise<T> => environment.run(work);
  return {
    ...{ artifacts, gathered, recorded, pages, environment, run },
    ...{ resolve, readStudy, renderReport, record },
  };
}

/** Overwrites the result of a trial with something that is none; answers its key. */
async function damage(store: ArtifactStore, id: string): Promise<string> {
  const key = await keyOf(store, id);
  await store.putLatest(resultName(key), new TextEncoder().encode('{"schema":1}'));
  return key;
}

async function keyOf(store: ArtifactStore, id: string): Promise<string> {
  for (const name of await store.list('runs/')) {
    const { key, trial } = (await store.getJson(name)) as { key: string; trial: string };
    if (trial === id) return key;
  }
  throw new Error(`${id} has not run`);
}

test('a study is resolved once: what was kept is read again, and heartbeats tell that it goes on', async (t) => {
  const world = await worldOf(t);
  let heartbeats = 0;
  world.environment.on('heartbeat', () => (heartbeats += 1));
  const { digest, resolved } = await world.run(() => world.resolve(smallStudy({ name: 'once' })));
  t.is(resolved.study.name, 'once');
  t.deepEqual(await world.readStudy(digest), resolved);
  t.true(heartbeats > 0);
});

test('a damaged result fails its trial in the report, and the others are gathered', async (t) => {
  const world = await worldOf(t);
  const key = await damage(world.artifacts, STUDENT);
  const { digest } = await world.run(() => world.resolve(written));
  const other = { code: 'CodeBug', message: 'exit 70' } as const;
  const before = await keepFailures(world.artifacts, {
    trials: [{ id: 'sweep/resnet8/KD/s1', failure: other, earlier: [] }],
  });
  const failures = await keepFailures(world.artifacts, {
    trials: [{ id: 'sweep/resnet8/KD/s2', failure: other, earlier: [] }],
    before,
  });
  const summary = await world.run(() => world.renderReport({ resolved: digest, failures }));
  t.is(summary.page, `reports/${study.name}/index.html`);
  t.is(world.gathered.length, expandStudy(study, CONTEXT).length);
  const failed = world.gathered.flatMap(({ node, failure }) =>
    failure === undefined ? [] : [[node.id, failure.code] as const],
  );
  t.deepEqual(Object.fromEntries(failed), {
    [STUDENT]: 'DataMismatch',
    'sweep/resnet8/KD/s1': 'CodeBug',
    'sweep/resnet8/KD/s2': 'CodeBug',
  });
  const damaged = world.gathered.find(({ node }) => node.id === STUDENT);
  t.regex(damaged?.failure?.message ?? '', new RegExp(resultName(key)));
  t.deepEqual(damaged?.result, undefined);
  const resolved = { study, ...CONTEXT };
  const drawn = toReportInput({ resolved, trials: world.gathered });
  t.is(drawn.trials.find(({ id }) => id === STUDENT)?.state, 'failed');
});

test('a damaged trial is named and keeps no other from being recorded', async (t) => {
  const world = await worldOf(t);
  const ids = [STUDENT, 'sweep/resnet8/CE/s2', 'teacher/big'];
  const trials = await Promise.all(
    ids.map(async (id) => ({ key: await keyOf(world.artifacts, id), trial: id })),
  );
  await damage(world.artifacts, STUDENT);
  const input = { study: study.name, trials };
  t.deepEqual(await world.run(() => world.record.recordTrials(input)), [STUDENT]);
  t.deepEqual(world.recorded.map(({ trial }) => trial).toSorted(), ids.slice(1).toSorted());
});

test('the report is recorded as a page and in Markdown', async (t) => {
  const world = await worldOf(t);
  const { digest } = await world.run(() => world.resolve(written));
  await world.run(() => world.renderReport({ resolved: digest }));
  await world.run(() => world.record.recordReport(study.name));
  const [page] = world.pages;
  t.is(new TextDecoder().decode(page?.html), '<p>page</p>');
  t.is(new TextDecoder().decode(page?.markdown), '# page');
});

test('trials are gathered 16 at once at most, and students’ evaluations are not read', async (t) => {
  const { artifacts } = await worldOf(t);
  let [under, most] = [0, 0];
  const read: string[] = [];
  const counted = async <T>(work: () => Promise<T>): Promise<T> => {
    under += 1;
    most = Math.max(most, under);
    await setTimeout(2);
    return await work().finally(() => (under -= 1));
  };
  const store: Parameters<typeof gatherStudy>[0] = {
    ...artifacts,
    getJson: (name) => counted(() => artifacts.getJson(name)),
    getBlob: async (digest) => {
      read.push(digest);
      return new TextEncoder().encode('{"epoch":1,"test":{"top1":50},"terms":{"ce":1}}');
    },
  };
  const withFiles: typeof store = {
    ...store,
    getJson: async (name) => {
      const value = (await store.getJson(name)) as Record<string, unknown> | undefined;
      if (value === undefined || !name.startsWith('results/')) return value;
      const files = Object.fromEntries(
        ['weights', 'epochs', 'evaluation'].map((file) => [
          file,
          (value['files'] as Record<string, unknown>)[file] ?? {
            digest: digestJson([file, value['spec']]),
            bytes: 1,
          },
        ]),
      );
      return { ...value, files };
    },
  };
  const trials = await gatherStudy(withFiles, { study, ...CONTEXT }, new Map());
  t.deepEqual(
    trials.map(({ node }) => node.id),
    expandStudy(study, CONTEXT).map(({ id }) => id),
    'in plan order',
  );
  t.true(most > 4 && most <= 16, `${most} at once`);
  const students = trials.filter(({ node }) => node.id.startsWith('sweep/'));
  t.true(students.length > 4);
  t.true(students.every(({ evaluation }) => evaluation === undefined));
  t.true(trials.some(({ node, evaluation }) => node.id.startsWith('teacher/') && evaluation));
  t.deepEqual(students[0]?.epochs, [{ epoch: 1, test: { top1: 50 } }], 'what is drawn, no more');
});
