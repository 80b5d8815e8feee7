import test from 'ava';
import type { Launch } from '../../leg/decide.ts';
import type { Outcome } from '../../leg/outcome.ts';
import { noteLaunches, type Streaks } from '../../workflows/streaks.ts';

const launch = (outcome: Outcome, host = 'h1'): Launch => ({
  launch: 0,
  outcome,
  host,
  detail: 'exit 70',
});

/** What each trial of a row makes of the streaks. */
function reasons(row: readonly (readonly Launch[])[]): readonly (string | undefined)[] {
  const streaks: Streaks = new Map();
  return row.map((launches, i) => noteLaunches(streaks, `key${i}`, launches));
}

test('five trials in a row that fail alike on one host are a reason to pause', (t) => {
  const row = Array.from({ length: 5 }, () => [launch('bug')]);
  t.deepEqual(reasons(row), [
    ...Array.from({ length: 4 }, () => undefined),
    '5 trials in a row ended as bug on h1: exit 70',
  ]);
});

test('a host shows itself although every trial succeeds on another one', (t) => {
  const row = Array.from({ length: 5 }, () => [launch('configuration'), launch('done', 'h2')]);
  t.regex(reasons(row).at(-1) ?? '', /^5 trials in a row ended as configuration on h1/);
});

test('a success on the host, another failure, or another host begins a new row', (t) => {
  const four = Array.from({ length: 4 }, () => [launch('bug')]);
  for (const between of [launch('done'), launch('badData'), launch('diverged')]) {
    t.true(reasons([...four, [between], ...four]).every((reason) => reason === undefined));
  }
  const alternating = Array.from({ length: 8 }, (_, i) => [launch('bug', `h${i % 2}`)]);
  t.true(reasons(alternating).every((reason) => reason === undefined));
});

test('one trial that fails again and again is its own fault, and who is stopped is innocent', (t) => {
  t.is(
    noteLaunches(
      new Map(),
      'key',
      Array.from({ length: 9 }, () => launch('stalled')),
    ),
    undefined,
  );
  const row = Array.from({ length: 9 }, () => [launch('stopped')]);
  t.true(reasons(row).every((reason) => reason === undefined));
});
