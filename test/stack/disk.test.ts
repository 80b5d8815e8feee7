import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import test from 'ava';
import { diskProblem } from '../../stack/disk.ts';

test('a disk with too little room is named, with what is free and what is needed', async (t) => {
  const { bavail, bsize } = await statfs(tmpdir());
  const folders = { home: tmpdir(), cache: '/no/such/folder' };
  const least = bavail * bsize + 10 * 2 ** 30;
  const problem = await diskProblem(folders, least);
  t.true(problem?.startsWith(`the disk of ${tmpdir()} is full: `), problem);
  t.regex(problem ?? '', /: \d+ MiB are free, \d+ MiB are needed$/);
  t.is(await diskProblem(folders, 1), undefined);
});
