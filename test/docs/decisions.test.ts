import { readdir, readFile } from 'node:fs/promises';
import test from 'ava';

const FOLDER = new URL('../../docs/decisions/', import.meta.url);

test('every decision is in the index, under the number and title that its own file gives', async (t) => {
  const index = await readFile(new URL('README.md', FOLDER), 'utf8');
  const listed = new Map(
    [...index.matchAll(/^- (\d{3}) \[(.+)\]\((.+\.md)\)$/gm)].map(
      ([, number = '', title = '', file = '']) => [file, `${number} · ${title}`] as const,
    ),
  );
  const files = (await readdir(FOLDER)).filter((file) => /^\d{3}-/.test(file)).sort();
  t.deepEqual([...listed.keys()], files);
  for (const file of files) {
    const [heading = ''] = (await readFile(new URL(file, FOLDER), 'utf8')).split('\n', 1);
    t.is(heading, `# ${listed.get(file) ?? ''}`, file);
    t.true(file.startsWith(heading.slice(2, 5)), file);
  }
});
