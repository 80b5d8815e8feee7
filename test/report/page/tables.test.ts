import test from 'ava';
import { renderLatex } from '../../../report/page/latex.ts';
import { renderCsv } from '../../../report/page/csv.ts';
import type { Table } from '../../../report/page/content.ts';
import { all, drawFixture, textOf } from './document.ts';

const { page, files } = drawFixture({ 'sweep/resnet8/KD/s1030': 'diverged' });

const fileOf = (name: string): string => {
  const file = files.find((candidate) => candidate.name === name);
  if (file === undefined) throw new Error(`there is no ${name}`);
  return file.text;
};

/** Fields of a CSV text (RFC 4180). */
function parseCsv(text: string): string[][] {
  return text
    .split('\r\n')
    .slice(0, -1)
    .map((line) =>
      [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)]
        .slice(0, line.endsWith(',') ? undefined : -1)
        .map(([, field = '']) =>
          field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field,
        ),
    );
}

const ids = all(page, 'table').map((table) => table.id || (table.closest('[id]')?.id ?? ''));

test('every table of the page is a CSV file with the same cells', (t) => {
  t.true(ids.length >= 10);
  for (const id of ids) {
    const rows = all(page, `#${id} tr`).map((row) =>
      all(row, 'th, td').map((cell) => textOf(cell).replace(/−(?=[\d.])/g, '-')),
    );
    const fields = parseCsv(fileOf(`tables/${id}.csv`));
    t.deepEqual(
      fields.map((row) => row.map((field) => field.replace(/\s+/g, ' ').trim())),
      rows,
      id,
    );
  }
});

test('every table is a LaTeX file with as many rows and columns, and one document reads them all', (t) => {
  for (const id of ids) {
    const text = fileOf(`tables/${id}.tex`);
    const lines = text.split('\n').filter((line) => line.endsWith(' \\\\'));
    t.is(lines.length, all(page, `#${id} tr`).length, id);
    const columns = all(page, `#${id} thead th`).length;
    for (const line of lines) t.is(line.split(' & ').length, columns, line);
    t.true(text.includes(`\\label{tab:${id}}`));
  }
  const inputs = [...fileOf('tables/all.tex').matchAll(/\\input\{(.+)\}/g)].map(([, id]) => id);
  t.deepEqual(inputs, ids);
});

const ODD: Table = {
  id: 'odd',
  caption: '100 % of R&D_{x} #1 ~ a^b \\ $',
  columns: [{ label: 'A, "B"' }, { label: 'n', numeric: true }],
  rows: [
    { head: ['−1 → ρ'], cells: [['−0.25 ± 0.10']] },
    { head: ['猫'], cells: [['a\nb']] },
  ],
  notes: [],
};

test('what LaTeX would read as a command is written out, and what no font has by its number', (t) => {
  const text = renderLatex(ODD);
  t.true(
    text.includes(
      String.raw`\caption{100 \% of R\&D\_\{x\} \#1 \textasciitilde{} a\textasciicircum{}b \textbackslash{} \$}`,
    ),
  );
  t.true(text.includes(String.raw`    $-$1 $\rightarrow$ $\rho$ & $-$0.25 $\pm$ 0.10 \\`));
  t.true(text.includes(String.raw`    (U+732B) & a b \\`));
  t.true(text.includes(String.raw`\begin{tabular}{lr}`));
});

test('a field of CSV with a comma, a quote or a line end is quoted, and numbers have ASCII signs', (t) => {
  t.is(renderCsv(ODD), '"A, ""B""",n\r\n-1 → ρ,-0.25 ± 0.10\r\n猫,"a\nb"\r\n');
});
