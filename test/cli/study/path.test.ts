import { join } from 'node:path';

import test from 'ava';

import { studyFilePath } from '../../../cli/study/file.ts';

test('a name is a shipped study; a path is relative to where the user is', (t) => {
  const root = join(import.meta.dirname, '../../..');
  t.is(studyFilePath('digits', '/somewhere'), join(root, 'studies/digits.json'));
  t.is(studyFilePath('mine.json', '/somewhere'), '/somewhere/mine.json');
  t.is(studyFilePath('/else/mine.json', '/somewhere'), '/else/mine.json');
  t.is(studyFilePath('unknown', '/somewhere'), '/somewhere/unknown');
});
