import test from 'ava';
import { sweepOf } from '../../../bench/sweep/study.ts';
import { bindTrial, expandStudy } from '../../../study/plan/plan.ts';
import { resolved } from '../../workflows/world.ts';

/** Keys of the trainings of a sweep. */
function keysOf(salt: number): string[] {
  const study = resolved(sweepOf('a', 2100, 100, salt));
  const trials = expandStudy(study.study, study).filter(({ kind }) => kind === 'train');
  return trials.map((trial) => bindTrial(trial, new Map()).key);
}

test('a sweep of the bench has the trials that it is asked for, each with a key of its own', (t) => {
  const study = resolved(sweepOf('a', 2100, 100, 0));
  t.is(expandStudy(study.study, study).length, 2100);
  t.is(new Set([...keysOf(0), ...keysOf(1)]).size, 2100, 'another salt, other keys');
});
