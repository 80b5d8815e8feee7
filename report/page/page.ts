import type { Block, Figure, Inline, Prose, Quantity, Table } from './content.ts';
import { markup, trusted, type Markup } from './html.ts';
import type { ReportInput, ReportTrial } from '../input.ts';
import { anchorsOf, storyOf } from '../tables/provenance.ts';
import { SCRIPT } from './script.ts';
import type { Report } from './sections.ts';
import { STYLE } from './style.ts';

type Anchors = ReadonlyMap<ReportTrial, string>;

/** The report as one page that needs nothing else: style, script and figures are in it. */
export function renderPage({ headline, caution, sections }: Report, input: ReportInput): string {
  const { study, trials } = input;
  const anchors = anchorsOf(trials);
  return markup`<!doctype html>
<html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="generator" content="kdexplainer" />
        <link rel="icon" href="data:," />
        <title>${headline} · ${study.name}</title>
        <style>${trusted(STYLE)}</style>
      </head>
      <body>
        <header>
          <p class="kicker">KDExplainer · study ${study.name}</p>
          <h1>${headline}${caution === undefined ? undefined : markup` <span class="caution">${caution}</span>`}</h1>
          ${study.description === undefined ? undefined : markup`<p class="lede">${study.description}</p>`}
        </header>
        <main>
          ${sections.map(
            ({ id, title, blocks }) =>
              markup`<section id="${id}" aria-labelledby="${id}-heading">
                <h2 id="${id}-heading">${title}</h2>
                ${blocks.map((block) => renderBlock(block, anchors))}
              </section> `,
          )}
        </main>
        <footer>
          <p>
            Drawn from results alone: the same results give this page, byte for byte. What is ours
            and what is the paper’s is said where its numbers stand.
          </p>
        </footer>
        <script>${trusted(SCRIPT)}</script>
      </body>
    </html>
`.markup;
}

function renderBlock(block: Block, anchors: Anchors): Markup {
  switch (block.kind) {
    case 'prose':
      return markup`<p>${renderProse(block.prose, anchors)}</p> `;
    case 'list':
      return markup`<ul>
        ${block.items.map((item) => markup`<li>${renderProse(item, anchors)}</li> `)}
      </ul> `;
    case 'table':
      return renderTable(block.table, anchors);
    case 'figure':
      return renderFigure(block.figure, anchors);
    case 'code':
      return markup`<pre tabindex="0"><code>${block.text}</code></pre> `;
  }
}

function renderProse(text: Prose, anchors: Anchors): readonly Markup[] {
  return text.map((item) => renderInline(item, anchors));
}

function renderInline(item: Inline, anchors: Anchors): Markup {
  return typeof item === 'string' ? markup`${item}` : renderQuantity(item, anchors);
}

/** A number: a link to its trial's row, with its story in the title and its keys as data. */
function renderQuantity({ text, from, what, tone }: Quantity, anchors: Anchors): Markup {
  const classes = tone === undefined ? '' : ` ${tone}`;
  const story = storyOf(what, from);
  const target = from[0] === undefined ? undefined : anchors.get(from[0]);
  if (target === undefined)
    return markup`<span class="x${classes}" title="${story}">${text}</span>`;
  const keys = from.flatMap(({ key }) => key ?? []).join(' ');
  return markup`<a class="n${classes}" href="#${target}" data-key="${keys}" title="${story}">${text}</a>`;
}

function renderTable(table: Table, anchors: Anchors): Markup {
  const { id, caption, columns, rows, notes } = table;
  const wide = columns.length > 6 || id === 'provenance' ? ' wide' : '';
  const rowIds = id === 'provenance' ? [...anchors.values()] : [];
  return markup`<div class="table${wide}">
    <p class="caption" id="${id}-caption">${caption}</p>
    <div class="scroll" tabindex="0" role="region" aria-labelledby="${id}-caption">
      <table id="${id}" aria-labelledby="${id}-caption">
        <thead>
          <tr>
            ${columns.map(
              ({ label, numeric, hint }) =>
                markup`<th
                  scope="col"
                  ${numericClass(numeric)}${hint === undefined ? undefined : markup` title="${hint}"`}
                >
                  ${label}
                </th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ({ head, cells }, i) =>
              markup`<tr${rowIds[i] === undefined ? undefined : markup` id="${rowIds[i]}"`}><th scope="row">${renderProse(head, anchors)}</th>${cells.map(
                (cell, at) =>
                  markup`<td${numericClass(columns[at + 1]?.numeric)}>${renderProse(cell, anchors)}</td>`,
              )}</tr>\n`,
          )}
        </tbody>
      </table>
    </div>
    ${notes.length === 0 ? undefined : markup`<div class="notes">${notes.map((note) => markup`<p>${renderProse(note, anchors)}</p>`)}</div>`}
  </div> `;
}

function numericClass(numeric: boolean | undefined): Markup | undefined {
  return numeric === true ? trusted(' class="num"') : undefined;
}

function renderFigure(figure: Figure, anchors: Anchors): Markup {
  const { id, caption, width, panelPixels, panels } = figure;
  const classes = [width, panels.length === 3 ? 'three' : 'few'].join(' ');
  return markup`<figure id="${id}" class="${classes}">
    <div class="panels" style="--panel:${panelPixels}px">
      ${panels.map(
        ({ title, tone, subtitle, svg }) =>
          markup`<div class="panel">
            ${title === '' ? undefined : markup`<p class="panel-title ${tone}">${title}</p>`}
            ${subtitle === undefined ? undefined : markup`<p class="panel-sub">${renderProse(subtitle, anchors)}</p>`}
            ${trusted(svg)}
          </div> `,
      )}
    </div>
    <figcaption>${renderProse(caption, anchors)}</figcaption>
  </figure> `;
}
