import { plain, type Prose, type Table } from './content.ts';

/**
 * A table of the report for a paper: `booktabs`, notes below. It is a `table` of its own, to be read by
 * `\input`; the numbers are those of the page.
 */
export function renderLatex({ id, caption, columns, rows, notes }: Table): string {
  const cells = (texts: readonly string[]): string => `    ${texts.join(' & ')} \\\\`;
  const alignment = columns.map(({ numeric }) => (numeric === true ? 'r' : 'l')).join('');
  return [
    '\\begin{table}',
    '  \\centering',
    `  \\caption{${escapeLatex(caption)}}`,
    `  \\label{tab:${id}}`,
    '  \\small',
    `  \\begin{tabular}{${alignment}}`,
    '    \\toprule',
    cells(columns.map(({ label }) => escapeLatex(label))),
    '    \\midrule',
    ...rows.map((row) => cells([row.head, ...row.cells].map(line))),
    '    \\bottomrule',
    '  \\end{tabular}',
    ...notes.map((note) => `  \\par\\smallskip\\footnotesize ${line(note)}`),
    '\\end{table}',
    '',
  ].join('\n');
}

/** A document that holds all tables: proof that they compile, and the packages that they need. */
export function renderLatexDocument(names: readonly string[]): string {
  return [
    '\\documentclass{article}',
    '\\usepackage[T1]{fontenc}',
    '\\usepackage[utf8]{inputenc}',
    '\\IfFileExists{lmodern.sty}{\\usepackage{lmodern}}{}',
    '\\usepackage[margin=2cm]{geometry}',
    '\\usepackage{booktabs}',
    '\\begin{document}',
    ...names.map((name) => `\\input{${name}}\n\\clearpage`),
    '\\end{document}',
    '',
  ].join('\n');
}

const line = (text: Prose): string => escapeLatex(plain(text));

/** What LaTeX reads as a command, and what its fonts have under another name. */
const WRITTEN: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '{': '\\{',
  '}': '\\}',
  '&': '\\&',
  '%': '\\%',
  $: '\\$',
  '#': '\\#',
  _: '\\_',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '<': '\\textless{}',
  '>': '\\textgreater{}',
  '|': '\\textbar{}',
  '−': '$-$',
  '±': '$\\pm$',
  '×': '$\\times$',
  '·': '$\\cdot$',
  '→': '$\\rightarrow$',
  '≤': '$\\leq$',
  '≥': '$\\geq$',
  '²': '\\textsuperscript{2}',
  '³': '\\textsuperscript{3}',
  '⁹': '\\textsuperscript{9}',
  '†': '\\textdagger{}',
  '–': '--',
  '—': '---',
  '…': '\\dots{}',
  '“': '``',
  '”': "''",
  '‘': '`',
  '’': "'",
  Δ: '$\\Delta$',
  α: '$\\alpha$',
  β: '$\\beta$',
  γ: '$\\gamma$',
  ε: '$\\varepsilon$',
  θ: '$\\theta$',
  λ: '$\\lambda$',
  ρ: '$\\rho$',
  τ: '$\\tau$',
  '\u00a0': '~',
  '\u2009': '\\,',
  '\u202f': '\\,',
};

/** What Latin-1 holds, T1 fonts hold. Another character is told by its number, as no font may have it. */
function escapeLatex(text: string): string {
  return Array.from(text.replace(/\s*\n\s*/g, ' '), (character) => {
    const written = WRITTEN[character];
    if (written !== undefined) return written;
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? character : `(U+${code.toString(16).toUpperCase().padStart(4, '0')})`;
  }).join('');
}
