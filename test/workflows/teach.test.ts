import type { TestWorkflowEnvironment } from '@temporalio/testing';
import test from 'ava';
import type { Leg } from '../../leg/spec.ts';
import { digestJson } from '../../study/canonical.ts';
import type { StudyInput } from '../../study/schema.ts';
import type { StudyStatus, TrialPage } from '../../study/status.ts';
import {
  activitiesOf,
  createWorld,
  done,
  smallStudy,
  timeSkippingServer,
  withWorkers,
} from './world.ts';

let server: TestWorkflowEnvironment;
test.beforeEach(async () => {
  server = await timeSkippingServer();
});
test.afterEach.always(async () => {
  await server.teardown();
});

/** Two students by CE and two by KD, all of one data stream. */
function cachedStudy(): StudyInput {
  return smallStudy({ teacher: { cache: 'logits' }, seeds: { init: [1, 2], data: [7] } });
}

const isTeach = ({ spec }: Leg): boolean => spec.kind === 'teach';
const isStudent = ({ trial, spec }: Leg): boolean =>
  spec.kind === 'train' && trial.startsWith('sweep/resnet8/KD/');

async function start(study: StudyInput) {
  const options = { taskQueue: 'kdx', workflowId: `reproduce/${study.name}`, args: [study] };
  return await server.client.workflow.start('reproduce', options);
}

test.serial('a teacher speaks once, and its students are bound to what it said', async (t) => {
  const world = createWorld();
  await withWorkers(server, activitiesOf(world), async () => {
    const handle = await start(cachedStudy());
    await handle.result();
    const { trials } = await handle.query<TrialPage>('trials');
    const teach = trials.filter(({ id }) => id.includes('/teach/'));
    t.like(teach, [{ id: 'teacher/big/teach/pad4-flip-e2/d7', bytes: 2 * 4000 * 10 * 2 }]);
  });
  const teach = world.legs.filter(isTeach);
  t.is(teach.length, 1);
  const students = world.legs.filter(isStudent);
  t.is(students.length, 2);
  const said = digestJson([teach[0]?.key, 'logits']);
  for (const { spec } of students) {
    t.is(spec.kind === 'train' ? spec.teacher?.logits : undefined, said);
  }
  t.true(world.recorded.includes('teacher/big/teach/pad4-flip-e2/d7'));
});

test.serial('a teach leg that fails blocks the students that need it and no other', async (t) => {
  const world = createWorld();
  world.leg = (leg) =>
    isTeach(leg)
      ? {
          outcome: 'badSpec',
          host: 'h1',
          processes: [],
          deviceSeconds: 0,
          detail: 'too large for half precision',
        }
      : done(world, leg);
  await withWorkers(server, activitiesOf(world), async () => {
    const handle = await start(cachedStudy());
    await t.throwsAsync(handle.result());
    const { counts } = await handle.query<StudyStatus>('status');
    const { trials } = await handle.query<TrialPage>('trials');
    t.like(counts, { failed: 1, blocked: 4, complete: 6 });
    const failed = trials.find(({ state }) => state === 'failed');
    t.is(failed?.failure?.code, 'SpecInvalid');
  });
  t.false(world.legs.some(isStudent));
});
