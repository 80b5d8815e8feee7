import test from 'ava';

import { checkNotAllDiverged, type StudyEnd } from '../../../cli/study/run.ts';
import type { KdxError } from '../../../leg/errors.ts';

const NONE = { waiting: 0, running: 0, complete: 0, found: 0, diverged: 0, failed: 0 };

function endOf(counts: Partial<StudyEnd['summary']['counts']>, page?: string): StudyEnd {
  const all = { ...NONE, blocked: 0, cancelled: 0, ...counts };
  return { summary: { study: 'hot', counts: all, launches: 1 }, page };
}

test('a study in which every trial diverged ends with 65 and says so', (t) => {
  const error = t.throws<KdxError>(() => checkNotAllDiverged(endOf({ diverged: 1, blocked: 3 })));
  t.like(error, { code: 'Diverged', exitCode: 65 });
  t.is(error.message, 'hot: 1 trial diverged, none is complete');
  const told = t.throws(() => checkNotAllDiverged(endOf({ diverged: 2 }, '/r/index.html')));
  t.regex(told.message, /^hot: 2 trials diverged, .*report of what was done: \/r\/index\.html$/);
});

test('a study in which some diverged has ended well', (t) => {
  t.notThrows(() => checkNotAllDiverged(endOf({ diverged: 3, complete: 1 })));
  t.notThrows(() => checkNotAllDiverged(endOf({ diverged: 3, found: 1 })));
});
