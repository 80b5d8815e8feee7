import { parse, type DocumentNode, type ValueNode } from '@humanwhocodes/momoa';
import type { Problem } from './rules.ts';

/** What the bytes of a study's file say, or why they say nothing. */
export type StudyText =
  | { readonly ok: true; readonly input: unknown }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads JSON in UTF-8, with or without a byte-order mark. A field that stands twice is refused by its
 * path, since JSON's own reading would take the last one silently. Pure.
 */
export function readStudyText(bytes: Uint8Array): StudyText {
  const encoding = foreignEncoding(bytes);
  if (encoding !== undefined) {
    return refused('the text', `found ${encoding}; allowed: UTF-8`);
  }
  const text = new TextDecoder('utf-8').decode(bytes);
  const document = parsed(text);
  if ('message' in document) return { ok: false, problems: [document] };
  const problems = repeatedFields(document.body, '$');
  return problems.length === 0 ? { ok: true, input: JSON.parse(text) } : { ok: false, problems };
}

function refused(path: string, message: string): StudyText {
  return { ok: false, problems: [{ path, message }] };
}

/** By its mark, or by the zeros that UTF-16 has in every ASCII character. */
function foreignEncoding(bytes: Uint8Array): string | undefined {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return 'UTF-16';
  if (first === 0xfe && second === 0xff) return 'UTF-16';
  if (bytes.length > 1 && (first === 0) !== (second === 0)) return 'UTF-16';
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return undefined;
  } catch {
    return 'bytes that are no UTF-8';
  }
}

function parsed(text: string): DocumentNode | Problem {
  try {
    return parse(text, { mode: 'json' });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { offset } = error as Error & { readonly offset?: number };
    const ended = /end of input/.test(error.message);
    const at = ended || offset === undefined ? text.trimEnd().length : offset;
    const lines = text.slice(0, at).split(/\r\n|\n|\r/);
    const path = `line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`;
    const found = ended ? 'the end of the text' : JSON.stringify(text.slice(at, at + 1));
    return { path, message: `found ${found}, where JSON allows none` };
  }
}

function repeatedFields(node: ValueNode, path: string): Problem[] {
  if (node.type === 'Array') {
    return node.elements.flatMap(({ value }, i) => repeatedFields(value, `${path}[${i}]`));
  }
  if (node.type !== 'Object') return [];
  const seen = new Map<string, number>();
  return node.members.flatMap(({ name, value }) => {
    const field = name.type === 'String' ? name.value : name.name;
    const { line } = name.loc.start;
    const before = seen.get(field);
    seen.set(field, line);
    const message = `found in line ${line} and before it in line ${before}; allowed: once`;
    const repeated = before === undefined ? [] : [{ path: `${path}.${field}`, message }];
    return [...repeated, ...repeatedFields(value, `${path}.${field}`)];
  });
}
