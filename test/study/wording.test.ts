import { readFileSync } from 'node:fs';

import test from 'ava';

import { resolveStudy } from '../../study/resolve.ts';

const text = readFileSync(new URL('../../studies/digits-full.json', import.meta.url), 'utf8');
const WRONG = [
  null,
  true,
  -1,
  0.5,
  1e17,
  Number.POSITIVE_INFINITY,
  '',
  'ä b',
  [],
  {},
  [{}],
  [null],
];

type Container = Record<string, unknown> | unknown[];

/** Every place of a value, as a path of fields and positions. */
function places(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Object.entries(value).flatMap(([field, member]) =>
    places(member, [...path, field]),
  );
  return path.length === 0 ? inner : [path, ...inner];
}

function withValue(path: readonly string[], value: unknown): unknown {
  const study = JSON.parse(text) as Container;
  const fields = path.slice(0, -1);
  const parent = fields.reduce<Container>(
    (at, field) => Reflect.get(at, field) as Container,
    study,
  );
  Reflect.set(parent, path.at(-1) as string, value);
  return study;
}

test('whatever stands in a study, it is refused in our own words, once a place', (t) => {
  let refused = 0;
  for (const path of places(JSON.parse(text))) {
    for (const value of WRONG) {
      const resolution = resolveStudy(withValue(path, value));
      if (resolution.ok) continue;
      refused += 1;
      const found = resolution.problems.map((problem) => `${problem.path}: ${problem.message}`);
      t.is(new Set(resolution.problems.map((problem) => problem.path)).size, found.length);
      for (const message of found) {
        t.notRegex(message, /Invalid|expected|received|Infinity|Too |undefined|NaN/, message);
        t.regex(message, /^\$/);
      }
    }
  }
  t.true(refused > 500);
});
