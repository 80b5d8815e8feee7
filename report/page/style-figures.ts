/** Colours of text, rules and data; told apart by colour-blind readers, in light and in dark. */
const LIGHT = `
  --paper: #fffefb; --ink: #1c1f24; --muted: #626a73; --rule: #d9d8d2; --shade: #f0efe9;
  --ghost: #c9c9c4; --accent: #0b62a4; --warn: #9a4a00;
  --hard-label: #57606c; --label-smoothing: #b25a00; --distillation: #0b62a4;
  --s0: #57606c; --s1: #0b62a4; --s2: #00795a; --s3: #b25a00; --s4: #8b4a94; --s5: #8a6d00;`;
const DARK = `
  --paper: #14171b; --ink: #e8e6e1; --muted: #9ba3ad; --rule: #363b42; --shade: #22272d;
  --ghost: #4a5058; --accent: #6cb6ee; --warn: #f0a65a;
  --hard-label: #aab4c0; --label-smoothing: #eda04a; --distillation: #6cb6ee;
  --s0: #aab4c0; --s1: #6cb6ee; --s2: #4fc9a4; --s3: #eda04a; --s4: #cf9bd8; --s5: #d9be4a;`;

/** Custom properties under `:root`, and their dark values. */
export const PALETTE = `:root {${LIGHT}
}
@media (prefers-color-scheme: dark) {
  :root {${DARK}
  }
}
@media print {
  :root {${LIGHT}
    --paper: #fff;
  }
}`;

export const SANS = `system-ui, -apple-system, 'Segoe UI', 'Noto Sans', Inter, 'Helvetica Neue', Arial, sans-serif`;

/** How figures look: in the page, and in an SVG file that stands alone. */
export const FIGURE_STYLE = `
.plot, .tree { display: block; width: 100%; height: auto; overflow: visible; font-family: ${SANS}; }
.plot { font-size: 11px; color: var(--muted); font-variant-numeric: tabular-nums; }
.plot text { white-space: pre; }
.tree { max-width: var(--natural); margin-inline: auto; font-size: 11px; text-anchor: middle; }
.tree.hard-label { --tone: var(--hard-label); }
.tree.label-smoothing { --tone: var(--label-smoothing); }
.tree.distillation { --tone: var(--distillation); }
.tree .edge { fill: none; stroke: var(--tone); stroke-linecap: round; stroke-opacity: 0.82; }
.tree .ghost { fill: none; stroke: var(--ink); stroke-opacity: 0.07; }
.tree .expert circle { fill: var(--paper); stroke: var(--tone); stroke-width: 2.5; }
.tree .count { fill: var(--muted); font-size: 11px; text-anchor: start; font-variant-numeric: tabular-nums; }
.tree .image rect { fill: var(--tone); }
.tree .image text { fill: var(--paper); font-size: 10.5px; font-weight: 600; }
.tree .leaf circle { fill: var(--tone); stroke: var(--paper); stroke-width: 1.5; }
.tree .name { fill: var(--ink); font-weight: 600; }
.tree .score { fill: var(--muted); font-weight: 400; font-variant-numeric: tabular-nums; }
.tree .inside .name { fill: var(--paper); font-size: 13px; }
.tree .upright text { text-anchor: start; }
.tree .hit { fill: transparent; }
`;

/** An SVG of the page as a file: it brings the colours and rules that the page would give it. */
export function standaloneSvg(svg: string): string {
  return svg.replace(
    '<title',
    `<style>${PALETTE}${FIGURE_STYLE}svg { background: var(--paper); }</style><title`,
  );
}
