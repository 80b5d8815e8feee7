/** Markup that is safe to put into a page as it is. */
export type Markup = { readonly markup: string };

type Value = Markup | string | number | undefined | readonly Value[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

// eslint-disable-next-line no-control-regex -- they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g;

/** Text for an element or an attribute of HTML or SVG. Control characters have no place in either. */
export function escapeText(text: string): string {
  return text
    .replace(CONTROLS, '\ufffd')
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

function render(value: Value): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return escapeText(value);
  if (typeof value === 'number') return String(value);
  if ('markup' in value) return value.markup;
  return value.map(render).join('');
}

/** A template of HTML or SVG that escapes every value that is not markup already. */
export function markup(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return trusted(
    parts.map((part, i) => (i < values.length ? part + render(values[i]) : part)).join(''),
  );
}

/** Markup made elsewhere, by us: never for text that a user wrote. */
export function trusted(text: string): Markup {
  return { markup: text };
}
