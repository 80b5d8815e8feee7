import test from 'ava';
import { classify, describeEnd, type ProcessEnd } from '../../../executors/local/classify.ts';

const ended = (end: Partial<ProcessEnd>): ProcessEnd => ({
  exitCode: undefined,
  signal: undefined,
  stalled: false,
  overdue: false,
  outOfMemoryKill: false,
  ...end,
});

const EXITS = [
  [0, 'done'],
  [64, 'badSpec'],
  [65, 'badData'],
  [69, 'disrupted'],
  [70, 'bug'],
  [75, 'stopped'],
  [76, 'deviceMemory'],
  [78, 'configuration'],
  [1, 'bug'],
  [137, 'hostMemory'],
] as const;
for (const [exitCode, outcome] of EXITS) {
  test(`exit ${exitCode} is ${outcome}`, (t) => {
    t.is(classify(ended({ exitCode })), outcome);
  });
}

const SIGNALS = [
  ['SIGTERM', 'disrupted'],
  ['SIGKILL', 'disrupted'],
  ['SIGSEGV', 'bug'],
  ['SIGABRT', 'bug'],
] as const;
for (const [signal, outcome] of SIGNALS) {
  test(`${signal} is ${outcome}`, (t) => {
    t.is(classify(ended({ signal })), outcome);
  });
}

test('a kill while the kernel was killing for memory is out of memory', (t) => {
  t.is(classify(ended({ signal: 'SIGKILL', outOfMemoryKill: true })), 'hostMemory');
});

test('our own kill of a leg that would not stop is a disruption whatever the kernel did', (t) => {
  const end = ended({ signal: 'SIGKILL', outOfMemoryKill: true, overdue: true });
  t.is(classify(end), 'disrupted');
});

test('our own kill for want of progress is a stall', (t) => {
  t.is(classify(ended({ signal: 'SIGKILL', stalled: true })), 'stalled');
});

test('an end is told in one line with the last line of the log', (t) => {
  t.is(describeEnd(ended({ exitCode: 65 }), 'digits is cut short'), 'exit 65: digits is cut short');
  t.is(describeEnd(ended({ signal: 'SIGKILL', stalled: true }), ''), 'signal SIGKILL, no progress');
});
