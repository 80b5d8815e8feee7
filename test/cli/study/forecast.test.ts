import test from 'ava';
import {
  forecastLines,
  forecastStudy,
  type Forecast,
  type PlannedState,
} from '../../../cli/study/forecast.ts';
import { expandStudy } from '../../../study/plan/plan.ts';
import { studyLike } from '../../fixtures/report/input.ts';
import { compute, CONTEXT, emptyStore } from './store.ts';

const study = studyLike();
const nodes = expandStudy(study, CONTEXT);

const idsOf = ({ trials }: Forecast, state: PlannedState): readonly string[] =>
  trials.filter((trial) => trial.state === state).map(({ id }) => id);

test('an empty store finds nothing: what needs nothing would run, the rest later', async (t) => {
  const store = await emptyStore(t);
  const forecast = await forecastStudy(store, study, CONTEXT, 2);
  t.deepEqual(
    idsOf(forecast, 'todo'),
    nodes.filter(({ needs }) => needs.length === 0).map(({ id }) => id),
  );
  t.is(idsOf(forecast, 'todo').length + idsOf(forecast, 'later').length, nodes.length);
  t.true(Math.abs(forecast.shareToDo - 1) < 1e-12);
  t.is(forecast.etaSeconds, undefined);
  t.deepEqual(await store.list(''), [], 'looking up writes nothing');
});

test('trials are found by their keys; those that needed them can be keyed and run', async (t) => {
  const store = await emptyStore(t);
  await compute(store, study, (id) => (id === 'teacher/resnet14' ? {} : undefined));
  const forecast = await forecastStudy(store, study, CONTEXT, 2);
  t.deepEqual(idsOf(forecast, 'found'), ['teacher/resnet14']);
  t.true(idsOf(forecast, 'todo').includes('sweep/resnet8/KD/s1029'));
  t.true(idsOf(forecast, 'todo').includes('teacher/resnet14/evaluation'));
  t.true(idsOf(forecast, 'later').includes('sweep/resnet8/KD/s1029/evaluation'));
});

test('the time is the pace of what was found, times what is left, over trials at once', async (t) => {
  const store = await emptyStore(t);
  await compute(store, study, (id) => (id.startsWith('teacher') ? { seconds: 30 } : undefined));
  const [one, three] = await Promise.all(
    [1, 3].map((parallel) => forecastStudy(store, study, CONTEXT, parallel)),
  );
  const costOf = (teachers: boolean): number =>
    nodes
      .filter(({ id }) => id.startsWith('teacher') === teachers)
      .reduce((sum, { cost }) => sum + cost, 0);
  const expected = (60 / costOf(true)) * costOf(false);
  t.true(Math.abs((one?.etaSeconds ?? 0) / expected - 1) < 1e-9);
  t.true(Math.abs((three?.etaSeconds ?? 0) / (expected / 3) - 1) < 1e-9);
});

test('a limit of device time that would be exceeded is said, and no other', async (t) => {
  const store = await emptyStore(t);
  await compute(store, study, (id) => (id.startsWith('teacher') ? { seconds: 30 } : undefined));
  const linesAt = async (gpuHours: number): Promise<readonly string[]> => {
    const limited = { ...study, limits: { ...study.limits, gpuHours } };
    return forecastLines(await forecastStudy(store, limited, CONTEXT, 3));
  };
  const { etaSeconds = 0 } = await forecastStudy(store, study, CONTEXT, 3);
  const hours = (3 * etaSeconds) / 3600;
  t.regex(
    (await linesAt(hours * 0.99)).at(-1) ?? '',
    /^limits\.gpuHours: about \S+ h to do; allowed: \S+ h: it would stop there$/,
  );
  t.regex((await linesAt(hours * 1.01)).at(-1) ?? '', /^would run/);
});

test('what needs a diverged trial is blocked and in no time to come', async (t) => {
  const store = await emptyStore(t);
  await compute(store, study, (id) =>
    id === 'teacher/resnet14' ? { status: 'diverged' } : undefined,
  );
  const forecast = await forecastStudy(store, study, CONTEXT, 2);
  t.deepEqual(idsOf(forecast, 'diverged'), ['teacher/resnet14']);
  t.true(idsOf(forecast, 'blocked').includes('sweep/resnet8/KD/s1029/evaluation'));
  t.false(idsOf(forecast, 'blocked').includes('sweep/resnet8/CE/s1029'));
  const left = forecast.trials.filter(({ state }) => state === 'todo' || state === 'later');
  const share = left.reduce((sum, trial) => sum + trial.share, 0);
  t.true(Math.abs(forecast.shareToDo - share) < 1e-12);
});

test('a study that is done would run nothing', async (t) => {
  const store = await emptyStore(t);
  await compute(store, study, () => ({}));
  const forecast = await forecastStudy(store, study, CONTEXT, 2);
  t.is(idsOf(forecast, 'found').length, nodes.length);
  t.is(forecast.shareToDo, 0);
  const lines = forecastLines(forecast);
  t.is(lines[0], 'digits: 29 trials: 29 found');
  t.is(lines.at(-1), 'nothing would run');
});

test('for a person, trials that differ in their seed alone are one row', async (t) => {
  const store = await emptyStore(t);
  await compute(store, study, (id) => (id.endsWith('CE/s1029') ? { seconds: 600 } : undefined));
  const lines = forecastLines(await forecastStudy(store, study, CONTEXT, 2));
  const row = lines.find((line) => line.includes('sweep/resnet8/CE/* '));
  t.regex(row ?? '', /\d\.\d % {2}4 epochs {3}1 found, 2 to do$/);
  t.regex(lines.at(-1) ?? '', /^would run: \d+\.\d % of the work, about .+ with 2 at once$/);
});
