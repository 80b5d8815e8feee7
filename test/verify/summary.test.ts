import test from 'ava';
import type { Check, Verdict } from '../../verify/check.ts';
import { trialName } from '../../verify/names.ts';
import { checkLine, failureOf, NONE, summaryLine } from '../../verify/summary.ts';

const check = (verdict: Verdict): Check => ({
  ...{ trial: 'sweep/resnet8/KD/s1029', key: 'a'.repeat(64), what: 'weights of student' },
  ...{ verdict, detail: 'found nothing' },
});

test('a line begins with its verdict; what an auditor looks for is in capitals', (t) => {
  t.is(
    checkLine(check('damaged')),
    'DAMAGED   sweep/resnet8/KD/s1029 aaaaaaaaaaaa weights of student: found nothing',
  );
  t.true(checkLine(check('different')).startsWith('DIFFERENT sweep/'));
  t.true(checkLine(check('equal')).startsWith('equal     sweep/'));
});

test('the summary counts every verdict', (t) => {
  const counts = { equal: 20, close: 0, different: 1, damaged: 2, unchecked: 13 };
  t.is(summaryLine(counts), '20 equal, 0 close, 1 different, 2 damaged, 13 not recomputed');
});

test('what is equal or close ends well, with parts that were not recomputed', (t) => {
  t.is(failureOf('digits', { ...NONE, equal: 3, unchecked: 9 }), undefined);
  t.is(failureOf('digits', { ...NONE, close: 1 }), undefined);
});

for (const [counts, message] of [
  [{ different: 1 }, 'digits: 1 differs'],
  [{ damaged: 2 }, 'digits: 2 damaged or missing'],
  [{ different: 3, damaged: 1 }, 'digits: 3 differ, 1 damaged or missing'],
  [{ different: 0, equal: 0 }, 'digits: nothing to verify; run: kdx study digits'],
] as const) {
  test(`${JSON.stringify(counts)} ends with 65: ${message}`, (t) => {
    const equal = 'equal' in counts ? 0 : 20;
    const failure = failureOf('digits', { ...NONE, equal, ...counts });
    t.is(failure?.message, message);
    t.is(failure?.exitCode, 65);
  });
}

for (const [id, name] of [
  ['teacher/resnet14', 'teacher resnet14'],
  ['teacher/s1/evaluation', 'teacher s1 · evaluation'],
  ['teacher/resnet14/teach/pad2-e8/d7', 'teacher resnet14 · teach · pad2-e8 · data seed 7'],
  ['explain/label-smoothing/s1029/soft', 'arm label-smoothing · seed 1029 · soft'],
  ['sweep/resnet8/KD+VAM/s1029', 'student resnet8 · KD+VAM · seed 1029'],
  ['sweep/resnet8/s5/s1029/evaluation', 'student resnet8 · s5 · seed 1029 · evaluation'],
] as const) {
  test(`one says "${name}" for ${id}`, (t) => {
    t.is(trialName(id), name);
  });
}
