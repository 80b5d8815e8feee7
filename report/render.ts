import type { ReportInput } from './input.ts';
import { figureFile, renderMarkdown } from './page/markdown.ts';
import { renderPage } from './page/page.ts';
import type { Table } from './page/content.ts';
import { renderCsv } from './page/csv.ts';
import { renderLatex, renderLatexDocument } from './page/latex.ts';
import { provenanceJson } from './tables/provenance.ts';
import { composeReport, type Report } from './page/sections.ts';
import { standaloneSvg } from './page/style-figures.ts';
import { treeFiles } from './figures/trees.ts';
import { classNames } from './tables/teachers.ts';
import { arrangeTrials } from './trials.ts';

/** A file that stands beside the page. */
export type ReportFile = {
  readonly name: string;
  readonly contentType: string;
  readonly text: string;
};

export type RenderedReport = {
  readonly html: string;
  readonly markdown: string;
  readonly files: readonly ReportFile[];
};

/**
 * Draws a study's report: one self-contained page, the same in Markdown, and its figures, tables,
 * trees and provenance as files. Pure: the same input gives the same bytes.
 */
export function renderReport(input: ReportInput): RenderedReport {
  const report = composeReport(input);
  return {
    html: renderPage(report, input),
    markdown: renderMarkdown(report, input),
    files: [
      ...figureFiles(report),
      ...tableFiles(report),
      ...treeFiles(arrangeTrials(input).arms, classNames(input.study)),
      { name: 'provenance.json', contentType: 'application/json', text: provenanceJson(input) },
    ],
  };
}

function figureFiles({ sections }: Report): readonly ReportFile[] {
  return sections.flatMap(({ blocks }) =>
    blocks.flatMap((block) =>
      block.kind !== 'figure'
        ? []
        : block.figure.panels.map(({ svg }, i) => ({
            name: figureFile(block.figure.id, i),
            contentType: 'image/svg+xml',
            text: standaloneSvg(svg),
          })),
    ),
  );
}

/** Every table as CSV and as LaTeX, and a document that holds all of the latter. */
function tableFiles({ sections }: Report): readonly ReportFile[] {
  const tables = sections.flatMap(({ blocks }) =>
    blocks.flatMap((block): readonly Table[] => (block.kind === 'table' ? [block.table] : [])),
  );
  if (tables.length === 0) return [];
  const latex = { contentType: 'application/x-latex' };
  return [
    ...tables.flatMap((table) => [
      { name: `tables/${table.id}.csv`, contentType: 'text/csv', text: renderCsv(table) },
      { name: `tables/${table.id}.tex`, ...latex, text: renderLatex(table) },
    ]),
    { name: 'tables/all.tex', ...latex, text: renderLatexDocument(tables.map(({ id }) => id)) },
  ];
}
