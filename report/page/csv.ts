import { plain, type Table } from './content.ts';

/**
 * A table of the report as CSV (RFC 4180): the cells as they are printed, so that no number differs from
 * the page's. Minus signs are the ASCII ones, which programs read.
 */
export function renderCsv({ columns, rows }: Table): string {
  const lines = [
    columns.map(({ label }) => label),
    ...rows.map(({ head, cells }) => [head, ...cells].map(plain)),
  ];
  return lines.map((fields) => `${fields.map(field).join(',')}\r\n`).join('');
}

function field(text: string): string {
  const ascii = text.replace(/−(?=[\d.])/g, '-').replace(/[\u00a0\u2009\u202f]/g, ' ');
  return /[",\r\n]/.test(ascii) ? `"${ascii.replaceAll('"', '""')}"` : ascii;
}
