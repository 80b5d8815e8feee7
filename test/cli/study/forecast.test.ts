import test from 'ava';
import { forecastStudy, type Forecast, type PlannedState } from '../../../cli/study/forecast.ts';
import { forecastLines } from '../../../cli/study/forecast-lines.ts';
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
  t.is(forecast.pace, 'estimated');
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
  t.regex(
    lines.at(-1) ?? '',
    /^would run: \d+\.\d % of the work in 19 to 21 legs, about .+ with 2 at once \(.+ of device time, at the pace of the trials found\)$/,
  );
});

test('a training and its evaluation are one leg, where all that it needs is there', async (t) => {
  const legsOf = async (isDone: (id: string) => boolean) => {
    const store = await emptyStore(t);
    await compute(store, study, (id) => (isDone(id) ? {} : undefined));
    return (await forecastStudy(store, study, CONTEXT, 2)).legs;
  };
  const evaluations = nodes.filter(({ kind }) => kind === 'evaluate');
  const least = nodes.length - evaluations.length;
  const plain = evaluations.filter(({ id }) => id.includes('/CE/'));
  t.true(plain.length > 0);
  // A plain student may start before the teacher that it is compared with is done.
  t.deepEqual(await legsOf(() => false), { least, most: least + plain.length });
  const left = least - 1;
  t.deepEqual(await legsOf((id) => id.startsWith('teacher/')), { least: left, most: left });
  const own = evaluations.length;
  t.deepEqual(await legsOf((id) => !id.endsWith('/evaluation')), { least: own, most: own });
});

test('without a store every trial is planned, none is looked up, and the time is an estimate', async (t) => {
  const forecast = await forecastStudy(undefined, study, CONTEXT, 2);
  t.is(idsOf(forecast, 'unknown').length, nodes.length);
  t.true(forecast.trials.every(({ key }) => key === undefined));
  t.is(forecast.pace, 'estimated');
  const cost = nodes.reduce((sum, node) => sum + node.cost, 0);
  // 75 GFLOP/s a thread, two operations a multiply-add, one thread.
  t.true(Math.abs((forecast.etaSeconds ?? 0) - (cost * 2e6) / 75e9 / 2) < 1e-6);
  const lines = forecastLines(forecast);
  t.is(lines[0], 'digits: 29 trials: 29 not looked up');
  t.regex(lines.at(-2) ?? '', /^memory of one leg: up to \d{3,4} MiB \(estimated\)$/);
  t.regex(lines.at(-1) ?? '', /a rough estimate: 75 GFLOP\/s a thread\)$/);
});

test('a GPU has no estimated time, and twice the threads take half of it', async (t) => {
  const etaOn = async (device: Partial<typeof study.device>): Promise<number | undefined> => {
    const other = { ...study, device: { ...study.device, ...device } };
    return (await forecastStudy(undefined, other, CONTEXT, 1)).etaSeconds;
  };
  t.is(await etaOn({ kind: 'cuda' }), undefined);
  t.is((await etaOn({ threads: 1 })) ?? 0, 2 * ((await etaOn({ threads: 2 })) ?? 0));
});

test('memory is what the processes of a trial took, where it was computed before', async (t) => {
  const store = await emptyStore(t);
  await compute(store, study, (id) => (id === 'teacher/resnet14' ? {} : undefined));
  const { trials } = await forecastStudy(store, study, CONTEXT, 2);
  const memoryOf = (wanted: string) => trials.find(({ id }) => id === wanted)?.memory;
  t.deepEqual(memoryOf('teacher/resnet14'), { bytes: 1, measured: true });
  t.is(memoryOf('sweep/resnet8/CE/s1029')?.measured, false);
});

test('a speed and a price that the user tells give a GPU its time and its cost', async (t) => {
  const other = { ...study, device: { ...study.device, kind: 'cuda' as const } };
  const told = { gigaflops: 4000, pricePerDeviceHour: 2.5 };
  const forecast = await forecastStudy(undefined, other, CONTEXT, 4, told);
  const cost = nodes.reduce((sum, node) => sum + node.cost, 0);
  const hours = (cost * 2e6) / 4e12 / 3600;
  t.is(forecast.pace, 'told');
  t.true(Math.abs((forecast.deviceHours?.toDo ?? 0) / hours - 1) < 1e-12);
  t.true(Math.abs((forecast.etaSeconds ?? 0) / ((hours * 3600) / 4) - 1) < 1e-12);
  t.true(Math.abs((forecast.price?.toDo ?? 0) / (2.5 * hours) - 1) < 1e-12);
  const lines = forecastLines(forecast);
  t.regex(lines.at(-2) ?? '', /at the speed that was told\)$/);
  t.is(
    lines.at(-1),
    `price: about ${(2.5 * hours).toFixed(2).replace(/\.?0+$/, '')} at 2.5 a device hour`,
  );
});

test('a speed that is told goes before the pace of what was found', async (t) => {
  const store = await emptyStore(t);
  await compute(store, study, (id) => (id.startsWith('teacher') ? { seconds: 30 } : undefined));
  const forecast = await forecastStudy(store, study, CONTEXT, 1, { gigaflops: 1 });
  const cost = nodes
    .filter(({ id }) => !id.startsWith('teacher'))
    .reduce((sum, node) => sum + node.cost, 0);
  t.true(Math.abs((forecast.etaSeconds ?? 0) / (cost * 2e-3) - 1) < 1e-9);
});
