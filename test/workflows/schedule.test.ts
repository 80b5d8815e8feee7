import test from 'ava';
import fc from 'fast-check';
import { createSchedule, type Schedule, type Task } from '../../workflows/schedule.ts';

const task = (id: string, needs: string[] = [], cost = 1): Task => ({ id, needs, cost });

test('of what is ready, the task on the dearest path to the end comes first', (t) => {
  const schedule = createSchedule([
    task('ce', [], 5),
    task('teacher', [], 1),
    task('kd', ['teacher'], 10),
  ]);
  t.deepEqual(schedule.ready(), ['teacher', 'ce']);
});

test('tasks of equal rank keep the order of the plan', (t) => {
  t.deepEqual(createSchedule([task('b'), task('a'), task('c')]).ready(), ['b', 'a', 'c']);
});

test('a failed task blocks all that needs it and nothing else', (t) => {
  const schedule = createSchedule([
    task('teacher'),
    task('kd', ['teacher']),
    task('kd/evaluation', ['kd']),
    task('ce'),
  ]);
  schedule.start('teacher');
  t.deepEqual(schedule.fail('teacher'), ['kd', 'kd/evaluation']);
  t.deepEqual(schedule.ready(), ['ce']);
  schedule.complete('ce');
  t.true(schedule.settled());
});

test('a retried task unblocks what only it blocked', (t) => {
  const schedule = createSchedule([
    task('a'),
    task('b'),
    task('of-a', ['a']),
    task('both', ['a', 'b']),
  ]);
  schedule.fail('a');
  schedule.fail('b');
  schedule.retry('a');
  t.is(schedule.state('of-a'), 'waiting');
  t.is(schedule.state('both'), 'blocked');
  schedule.retry('b');
  t.is(schedule.state('both'), 'waiting');
});

test('a stopped task is ready again and blocks nothing', (t) => {
  const schedule = createSchedule([task('teacher'), task('kd', ['teacher'])]);
  schedule.start('teacher');
  schedule.stop('teacher');
  t.deepEqual(schedule.ready(), ['teacher']);
  t.is(schedule.state('kd'), 'waiting');
  t.throws(() => schedule.stop('teacher'), { message: /^task teacher is waiting; / });
});

test('a finished task cannot be started, failed or finished again', (t) => {
  const schedule = createSchedule([task('a')]);
  schedule.complete('a');
  for (const move of ['start', 'complete', 'fail'] as const) {
    t.throws(() => schedule[move]('a'), { message: /^task a is done; / });
  }
});

test('a need that is not in the graph is refused by name', (t) => {
  t.throws(() => createSchedule([task('kd', ['teacher'])]), {
    message: 'task kd needs teacher, which is not in the graph',
  });
});

test('a cycle is refused by the names in it', (t) => {
  t.throws(() => createSchedule([task('a', ['b']), task('b', ['a']), task('c')]), {
    message: 'the graph has a cycle through a, b',
  });
});

/** A random graph without cycles: a task needs only tasks before it. */
const graphs = fc.array(fc.tuple(fc.nat(100), fc.array(fc.nat(30), { maxLength: 3 })), {
  minLength: 1,
  maxLength: 30,
});

function tasksOf(rows: readonly (readonly [number, readonly number[]])[]): Task[] {
  return rows.map(([cost, needs], i) => {
    const before = needs.filter((need) => need < i).map((need) => `t${need}`);
    return task(`t${i}`, [...new Set(before)], cost);
  });
}

/** Runs a graph in a window; `fails` says whose task ends badly. Answers the order of the starts. */
function drive(schedule: Schedule, window: number, fails: (id: string) => boolean): string[] {
  const started: string[] = [];
  const live: string[] = [];
  while (!schedule.settled()) {
    for (const id of schedule.ready().slice(0, window - live.length)) {
      schedule.start(id);
      started.push(id);
      live.push(id);
    }
    if (schedule.running() > window) throw new Error('the window is too full');
    const ended = live.shift();
    if (ended === undefined) throw new Error('nothing runs and nothing is settled');
    if (fails(ended)) schedule.fail(ended);
    else schedule.complete(ended);
  }
  return started;
}

test('every task of a graph runs once, after all that it needs, within the window', (t) => {
  fc.assert(
    fc.property(graphs, fc.integer({ min: 1, max: 5 }), (rows, window) => {
      const tasks = tasksOf(rows);
      const started = drive(createSchedule(tasks), window, () => false);
      const position = new Map(started.map((id, i) => [id, i]));
      if (started.length !== tasks.length || position.size !== tasks.length) return false;
      return tasks.every(({ id, needs }) =>
        needs.every((need) => (position.get(need) ?? 0) < (position.get(id) ?? 0)),
      );
    }),
  );
  t.pass();
});

test('what is not run is exactly what stands behind a failure', (t) => {
  fc.assert(
    fc.property(graphs, fc.nat(30), (rows, bad) => {
      const tasks = tasksOf(rows);
      const failing = `t${bad % tasks.length}`;
      const started = new Set(drive(createSchedule(tasks), 3, (id) => id === failing));
      const behind = new Set<string>();
      for (const { id, needs } of tasks) {
        if (needs.some((need) => need === failing || behind.has(need))) behind.add(id);
      }
      return tasks.every(({ id }) => started.has(id) !== behind.has(id));
    }),
  );
  t.pass();
});

/** What may be done with a task in each state. */
const MOVES = {
  waiting: ['start', 'complete', 'fail'],
  running: ['stop', 'complete', 'fail'],
  failed: ['retry'],
  done: [],
  blocked: [],
} as const;

test('after any moves, what is ready is what waits with its needs done, and the counts are right', (t) => {
  const moves = fc.array(fc.tuple(fc.nat(30), fc.nat(2)), { maxLength: 60 });
  fc.assert(
    fc.property(graphs, moves, (rows, chosen) => {
      const tasks = tasksOf(rows);
      const schedule = createSchedule(tasks);
      const inOrder = schedule.ready();
      const is = (id: string, state: string): boolean => schedule.state(id) === state;
      for (const [which, how] of chosen) {
        const { id, needs } = tasks[which % tasks.length] as Task;
        const allowed = MOVES[schedule.state(id)];
        const move = allowed[how % allowed.length];
        if (move === undefined || !needs.every((need) => is(need, 'done'))) continue;
        schedule[move](id);
        const wanted = tasks.filter(
          (other) => is(other.id, 'waiting') && other.needs.every((need) => is(need, 'done')),
        );
        const ready = schedule.ready();
        if (ready.length !== wanted.length) return false;
        if (!wanted.every((other) => ready.includes(other.id))) return false;
        const running = tasks.filter((other) => is(other.id, 'running')).length;
        if (schedule.running() !== running) return false;
      }
      // What was ready at first has kept its order.
      const left = schedule.ready().filter((id) => inOrder.includes(id));
      return left.every((id, i) => id === inOrder.filter((other) => left.includes(other))[i]);
    }),
  );
  t.pass();
});
