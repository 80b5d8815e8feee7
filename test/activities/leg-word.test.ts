import test from 'ava';
import { NOTHING_RAN, withEarlier } from '../../activities/leg-word.ts';
import { PROCESSES_KEPT, type LegProcess, type LegWord } from '../../leg/ports.ts';

const process = (name: string, seconds: number): LegProcess => ({
  ...{ name, host: 'h1', startedAt: '2026-11-24T04:00:00Z', seconds },
});
const word = (...processes: LegProcess[]): LegWord => ({
  processes,
  deviceSeconds: processes.reduce((sum, { seconds }) => sum + seconds, 0),
});

test('without an earlier attempt, a launch is what this one knows of it', (t) => {
  t.deepEqual(withEarlier(undefined, word(process('a', 3))), word(process('a', 3)));
});

test('the time of a process that was lost with its worker is kept', (t) => {
  const both = word(process('a', 5000), process('b', 0.4));
  t.deepEqual(withEarlier(word(process('a', 5000)), word(process('b', 0.4))), both);
  t.deepEqual(withEarlier(word(process('a', 5000)), NOTHING_RAN), word(process('a', 5000)));
});

test('a process that both have seen counts once, with the longer time', (t) => {
  const [short, long] = [word(process('a', 0.4)), word(process('a', 5000))];
  t.deepEqual(withEarlier(long, short), long);
  t.deepEqual(withEarlier(short, long), long);
});

test('the youngest processes are kept, and the time of all', (t) => {
  const many = Array.from({ length: PROCESSES_KEPT }, (_, i) => process(`p${i}`, 10));
  const { processes, deviceSeconds } = withEarlier(word(...many), word(process('q', 1)));
  t.deepEqual(processes, [...many.slice(1), process('q', 1)]);
  t.is(deviceSeconds, 10 * PROCESSES_KEPT + 1);
});
