import { readFileSync } from 'node:fs';
import test from 'ava';

import {
  busySeconds,
  othersShare,
  processSeconds,
  quietest,
  readClocks,
} from '../../bench/disturbance.ts';

test('work and stolen time count as busy; idle and waiting do not', (t) => {
  //                user nice system idle iowait irq softirq steal guest guest_nice
  const stat = 'cpu  100 10 50 9000 700 5 5 30 100 10\ncpu0 1 1 1 1 1 1 1 1 1 1\n';
  t.is(busySeconds(stat), 2);
});

test('a process is read whatever its name', (t) => {
  const head = '42 (a (b) c) S 1 2 3 4 5 6 7 8 9 10';
  t.is(processSeconds(`${head} 150 50 0 0`), 2);
});

test('the share of others is what is busy beside us, of all CPUs', (t) => {
  const before = { busy: 10, own: 4, elapsed: 100 };
  const after = { busy: 17, own: 9, elapsed: 105 };
  t.is(othersShare(before, after, 2), 0.2);
  t.is(othersShare(before, { ...after, own: 12 }, 2), 0, 'clocks of unequal grain give no debt');
});

test('our own work is not taken for others’', (t) => {
  const pids = [process.pid];
  const before = readClocks(pids);
  while (processSeconds(readFileSync('/proc/self/stat', 'utf8')) - before.own < 0.3);
  const after = readClocks(pids);
  t.true(after.own - before.own >= 0.29);
  t.true(after.busy - before.busy >= after.own - before.own - 0.05);
});

test('the quietest rounds are kept, in order of time', (t) => {
  t.deepEqual(quietest([0.5, 0.01, 0.2, 0, 0.9], 3), [1, 2, 3]);
  t.deepEqual(quietest([0.1], 3), [0]);
});
