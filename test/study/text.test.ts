import test from 'ava';

import { readStudyText } from '../../study/text.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function refusal(input: Uint8Array): string {
  const text = readStudyText(input);
  return text.ok ? 'accepted' : text.problems.map((p) => `${p.path}: ${p.message}`).join('; ');
}

test('a byte-order mark and any ends of lines are accepted', (t) => {
  const study = { name: 'märz', seeds: { init: [1] } };
  for (const text of [
    JSON.stringify(study),
    JSON.stringify(study, null, 2).replaceAll('\n', '\r\n'),
  ]) {
    for (const mark of ['', '\uFEFF']) {
      t.deepEqual(readStudyText(bytes(mark + text)), { ok: true, input: study });
    }
  }
});

test('another encoding is named', (t) => {
  const text = '{"name": "x"}';
  const little = new Uint8Array(Buffer.from(text, 'utf16le'));
  const big = new Uint8Array(Buffer.from(text, 'utf16le').swap16());
  for (const input of [little, big, Uint8Array.of(0xff, 0xfe, ...little)]) {
    t.is(refusal(input), 'the text: found UTF-16; allowed: UTF-8');
  }
  const latin1 = new Uint8Array(Buffer.from('{"name": "m\u00e4rz"}', 'latin1'));
  t.is(refusal(latin1), 'the text: found bytes that are no UTF-8; allowed: UTF-8');
});

test('a field that stands twice is refused by its path, wherever it is', (t) => {
  const twice = '{\n"seeds": {},\n"a": [{"b": 1, "b": 2}],\n"seeds": 3,\n"\\u0073eeds": 4}';
  t.is(
    refusal(bytes(twice)),
    '$.a[0].b: found in line 3 and before it in line 3; allowed: once; ' +
      '$.seeds: found in line 4 and before it in line 2; allowed: once; ' +
      '$.seeds: found in line 5 and before it in line 4; allowed: once',
  );
});

const BROKEN: readonly (readonly [string, string])[] = [
  ['{\n  "a": 1,\n}', 'line 3, column 1: found "}", where JSON allows none'],
  ['{\n  "a": 1\n  "b": 2\n}', 'line 3, column 3: found "\\"", where JSON allows none'],
  ['{\n  "a": ', 'line 2, column 7: found the end of the text, where JSON allows none'],
  ['// note\n{}', 'line 1, column 1: found "/", where JSON allows none'],
  ["{'a': 1}", 'line 1, column 2: found "\'", where JSON allows none'],
  ['{} {}', 'line 1, column 4: found "{", where JSON allows none'],
  ['', 'line 1, column 1: found the end of the text, where JSON allows none'],
];

for (const [text, message] of BROKEN) {
  test(`${JSON.stringify(text)} is refused with line and column`, (t) => {
    t.is(refusal(bytes(text)), message);
  });
}
