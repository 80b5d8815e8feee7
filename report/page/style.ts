import { FIGURE_STYLE, PALETTE, SANS } from './style-figures.ts';

const SERIF = `Charter, 'Bitstream Charter', 'Iowan Old Style', 'Palatino Linotype', 'Source Serif 4', 'Noto Serif', Cambria, Georgia, serif`;
const MONO = `ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace`;

/** A narrow column for text; wide figures break out of it. */
const LAYOUT = `
* { box-sizing: border-box; }
html { color-scheme: light dark; -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; overflow-wrap: break-word; background: var(--paper); color: var(--ink); font: 18px/1.6 ${SERIF}; }
main, header, footer {
  display: grid;
  grid-template-columns:
    [full-start] minmax(1rem, 1fr)
    [wide-start] minmax(0, 14rem)
    [text-start] min(40rem, 100% - 2rem) [text-end]
    minmax(0, 14rem) [wide-end]
    minmax(1rem, 1fr) [full-end];
}
main > section, .wide { display: grid; grid-template-columns: subgrid; grid-column: full; }
main > section > *, header > *, footer > * { grid-column: text; min-width: 0; }
main > section > .wide { display: block; grid-column: wide; }
main > section > #trees { grid-column: full; justify-self: center; width: min(86rem, 100% - 2rem); }
header { padding: 4.5rem 0 0; }
footer { padding: 2rem 0 5rem; color: var(--muted); font-size: 0.85rem; }
section { margin-top: 3rem; }
header + main > section:first-child { margin-top: 1.25rem; }
`;

const TYPE = `
h1, h2, figcaption, .caption, table, .kicker, .panel-title, .panel-sub, nav, .note { font-family: ${SANS}; }
h1 { font-size: clamp(1.75rem, 4.6vw, 2.6rem); line-height: 1.12; letter-spacing: -0.02em; font-weight: 700; margin: 0.5rem 0 1rem; text-wrap: balance; }
h1 .caution { display: block; margin-top: 0.3em; font-size: 0.56em; line-height: 1.3; letter-spacing: -0.01em; font-weight: 400; color: var(--muted); }
h2 { font-size: 1.4rem; line-height: 1.25; letter-spacing: -0.012em; margin: 0 0 0.75rem; }
p { margin: 0 0 1rem; hanging-punctuation: first; text-wrap: pretty; }
.kicker { font-size: 0.8rem; font-weight: 600; letter-spacing: 0.04em; color: var(--accent); margin: 0; }
.lede { font-size: 1.15rem; line-height: 1.5; color: var(--muted); }
ul { margin: 0 0 1rem; padding-left: 1.1rem; }
li { margin-bottom: 0.45rem; }
li::marker { color: var(--muted); }
code, pre { font: 0.82em/1.5 ${MONO}; }
pre { background: var(--shade); padding: 0.8rem 1rem; border-radius: 6px; overflow-x: auto; margin: 0 0 1rem; }
a { color: var(--accent); }
.n { color: inherit; font-variant-numeric: tabular-nums; text-decoration: underline; text-decoration-style: dotted; text-decoration-thickness: 1px; text-decoration-color: color-mix(in srgb, var(--muted) 55%, transparent); text-underline-offset: 0.22em; }
.n:hover, .n:focus-visible { text-decoration-color: var(--accent); text-decoration-style: solid; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.optimistic { color: var(--muted); font-style: italic; }
.published { color: var(--muted); }
.headline { font-weight: 650; }
.missing { color: var(--warn); }
`;

const TABLES = `
.scroll { overflow-x: auto; margin: 0.5rem 0 0.25rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.8rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
.caption { font-size: 0.8rem; font-weight: 600; line-height: 1.4; margin: 0.75rem 0 0; }
#protocol .num { white-space: normal; }
th, td { padding: 0.42rem 0.7rem; text-align: left; vertical-align: baseline; }
th:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th { font-weight: 500; color: var(--muted); border-bottom: 1.5px solid var(--ink); vertical-align: bottom; }
tbody th { font-weight: 500; }
tbody tr + tr > * { border-top: 1px solid var(--rule); }
.num { text-align: right; white-space: nowrap; }
thead .num { white-space: normal; }
td .n { text-decoration-color: transparent; }
.notes { font-size: 0.78rem; line-height: 1.45; color: var(--muted); margin: 0.6rem 0 1.4rem; }
.notes p { margin: 0 0 0.35rem; font-family: ${SANS}; }
#provenance { font-size: 0.72rem; }
#origin td { overflow-wrap: anywhere; }
#provenance td:nth-child(3), #provenance td:nth-child(4) { font-family: ${MONO}; font-size: 0.66rem; overflow-wrap: anywhere; min-width: 13rem; }
tr:target > * { background: var(--shade); }
`;

const FIGURES = `
figure { margin: 1.25rem 0 1.75rem; }
.panels { display: grid; gap: 1.75rem 2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, var(--panel)), 1fr)); }
.panel-title { font-size: 0.95rem; font-weight: 650; margin: 0 0 0.1rem; text-wrap: balance; }
.panel-sub { font-size: 0.78rem; color: var(--muted); margin: 0 0 0.6rem; }
.panel-title.hard-label { color: var(--hard-label); }
.panel-title.label-smoothing { color: var(--label-smoothing); }
.panel-title.distillation { color: var(--distillation); }
figcaption { font-size: 0.8rem; line-height: 1.5; color: var(--muted); margin: 0.9rem auto 0; max-width: 40rem; }
#trees .panel-title, #trees .panel-sub { text-align: center; padding-left: 2rem; }
#seeds .plot, #classes .plot { max-width: 34rem; margin-inline: auto; }
#trees .panels { gap: 2rem 2.5rem; }
.leaf { cursor: default; }
.picked .edge, .picked .expert, .picked .leaf { transition: opacity 0.12s; }
.picked .edge, .picked .expert, .picked .leaf, .picked .ghost { opacity: 0.16; }
.picked .on { opacity: 1; }
#tip { position: absolute; z-index: 2; max-width: min(26rem, calc(100vw - 2rem)); padding: 0.5rem 0.7rem; border-radius: 6px; background: var(--ink); color: var(--paper); font: 12px/1.45 ${SANS}; white-space: pre-line; overflow-wrap: anywhere; pointer-events: none; box-shadow: 0 4px 18px rgb(0 0 0 / 0.25); }
#tip[hidden] { display: none; }
`;

const MEDIA = `
@media (max-width: 640px) {
  body { font-size: 17px; }
  header { padding-top: 2.5rem; }
  section { margin-top: 2.25rem; }
  th, td { padding: 0.4rem 0.5rem; }
  #seeds .plot, #classes .plot { font-size: 13px; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } .picked * { transition: none; } }
@page { margin: 16mm 14mm; }
@media print {
  html { color-scheme: light; }
  body { font-size: 10.5pt; line-height: 1.45; }
  header { padding-top: 0; }
  main, header, footer { display: block; }
  main > section { display: block; margin-top: 1.6rem; }
  figure, tr, .panel { break-inside: avoid; }
  h2, .caption, section > p:has(+ .table) { break-after: avoid; }
  .scroll { overflow: visible; }
  table { font-size: 7.5pt; }
  th, td { padding: 0.25rem 0.4rem; }
  #trees .panels, .three .panels { grid-template-columns: repeat(3, 1fr); gap: 1rem; }
  #provenance { font-size: 6pt; }
  #provenance td:nth-child(3), #provenance td:nth-child(4) { font-size: 5.5pt; min-width: 0; }
  .n { text-decoration: none; }
  #tip { display: none; }
}
`;

/** The whole style of a page; nothing is fetched. */
export const STYLE = [PALETTE, LAYOUT, TYPE, TABLES, FIGURES, FIGURE_STYLE, MEDIA].join('');
