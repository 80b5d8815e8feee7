import test from 'ava';
import { all, drawFixture, textOf } from './document.ts';

const { page, markdown, files } = drawFixture({ 'sweep/resnet8/KD/s1030': 'diverged' });

const unescaped = (text: string): string =>
  text
    .replace(/\\([\\`*_[\]<>|])/g, '$1')
    .replace(/&amp;/g, '&')
    .replace(/\s+/g, ' ')
    .trim();

/** Cells of every Markdown table, in order. */
function markdownRows(): readonly (readonly string[])[] {
  return markdown
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (---|--:)/.test(line))
    .map((line) => line.slice(2, -2).split(' | ').map(unescaped));
}

test('every table of the page stands in Markdown with the same cells', (t) => {
  const rows = all(page, 'table tr').map((row) => all(row, 'th, td').map(textOf));
  t.true(rows.length > 80);
  t.deepEqual(markdownRows(), rows);
});

test('findings, captions and notes are the same words', (t) => {
  const text = unescaped(markdown);
  const said = all(page, '#findings li, figcaption, .notes p, .caption, section > p').map(textOf);
  t.true(said.length > 30);
  for (const words of said) t.true(text.includes(words), words);
  t.true(text.includes(textOf(page.querySelector('.caution'))));
});

test('every figure that Markdown links is a file beside it, and stands alone', (t) => {
  const links = [...markdown.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map(([, path]) => path);
  t.is(links.length, all(page, 'figure svg').length);
  for (const path of links) {
    const file = files.find(({ name }) => name === path);
    t.is(file?.contentType, 'image/svg+xml', path);
    t.true(file?.text.startsWith('<svg'), path);
    t.true(file?.text.includes('xmlns="http://www.w3.org/2000/svg"'));
    t.true(file?.text.includes('--distillation:'), 'it brings its colours');
  }
});

test('trees come as SVG, DOT and JSON of every explained seed', (t) => {
  for (const arm of ['hard-label', 'label-smoothing', 'distillation']) {
    for (const kind of ['svg', 'dot', 'json']) {
      t.true(files.some(({ name }) => name === `trees/${arm}-s1029.${kind}`));
    }
    const dot = files.find(({ name }) => name === `trees/${arm}-s1029.dot`)?.text ?? '';
    t.is([...dot.matchAll(/ -> /g)].length, [...dot.matchAll(/ \[label=/g)].length - 1, 'a tree');
  }
});
