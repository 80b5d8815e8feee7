import { plain, type Block, type Figure, type Prose, type Table } from './content.ts';
import type { ReportInput } from '../input.ts';
import type { Report } from './sections.ts';

/** The report as Markdown: the same text and numbers; figures are the files beside it. */
export function renderMarkdown(
  { headline, caution, sections }: Report,
  { study }: ReportInput,
): string {
  const lines = [
    `# ${escapeMarkdown(headline)}`,
    '',
    ...(caution === undefined ? [] : [`*${escapeMarkdown(caution)}*`, '']),
    `KDExplainer · study ${escapeMarkdown(study.name)}`,
    ...(study.description === undefined ? [] : ['', escapeMarkdown(study.description)]),
    ...sections.flatMap(({ title, blocks }) => [
      '',
      `## ${escapeMarkdown(title)}`,
      ...blocks.flatMap((block) => ['', ...renderBlock(block)]),
    ]),
    '',
  ];
  return lines.join('\n');
}

/** Takes their meaning from characters that Markdown or embedded HTML would read. */
function escapeMarkdown(text: string): string {
  return text
    .replace(/[\\`*_[\]<>|]/g, '\\$&')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/&/g, '&amp;');
}

const line = (text: Prose): string => escapeMarkdown(plain(text));

function renderBlock(block: Block): readonly string[] {
  switch (block.kind) {
    case 'prose':
      return [line(block.prose)];
    case 'list':
      return block.items.map((item) => `- ${line(item)}`);
    case 'table':
      return renderTable(block.table);
    case 'figure':
      return renderFigure(block.figure);
    case 'code':
      return ['```sh', block.text, '```'];
  }
}

function renderTable({ caption, columns, rows, notes }: Table): readonly string[] {
  const cells = (texts: readonly string[]): string => `| ${texts.join(' | ')} |`;
  return [
    `**${escapeMarkdown(caption)}**`,
    '',
    cells(columns.map(({ label }) => escapeMarkdown(label))),
    cells(columns.map(({ numeric }) => (numeric === true ? '--:' : '---'))),
    ...rows.map(({ head, cells: own }) => cells([line(head), ...own.map(line)])),
    ...notes.flatMap((note) => ['', line(note)]),
  ];
}

function renderFigure({ id, caption, panels }: Figure): readonly string[] {
  return [
    ...panels.flatMap(({ title }, i) => [
      `![${escapeMarkdown(title === '' ? plain(caption) : title)}](${figureFile(id, i)})`,
      '',
    ]),
    `*${line(caption)}*`,
  ];
}

/** Name of the SVG file of a panel. */
export function figureFile(id: string, panel: number): string {
  return `figures/${id}-${panel + 1}.svg`;
}
