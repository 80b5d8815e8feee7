import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** Values as a person writes them; the schema's own words stay inside. */
const KINDS: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

/** Longest value that is repeated in a message, in characters. */
const LONGEST = 80;

/** The value that is refused, in JSON; numbers that JSON can write and a computer not hold by name. */
export function foundText(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'number' && !Number.isFinite(value)) return 'a number that is too large';
  return (JSON.stringify(value) ?? typeof value).slice(0, LONGEST);
}

function bound(origin: string, comparison: string, limit: number | bigint): string {
  if (origin === 'array') return `${comparison} ${limit} entries`;
  if (origin === 'string') return `${comparison} ${limit} characters`;
  return `${comparison} ${limit}`;
}

/** What may stand at the place of an issue. */
export function allowedText(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return KINDS[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return `one of ${issue.values.join(', ')}`;
    case 'invalid_union':
      return 'options' in issue && Array.isArray(issue.options)
        ? `one of ${issue.options.map(String).join(', ')}`
        : 'another value';
    case 'too_small':
      return bound(
        issue.origin,
        issue.inclusive === false ? 'more than' : 'at least',
        issue.minimum,
      );
    case 'too_big':
      return bound(
        issue.origin,
        issue.inclusive === false ? 'less than' : 'at most',
        issue.maximum,
      );
    default:
      // The schema words its own formats; everything else is settled above.
      return issue.message;
  }
}
