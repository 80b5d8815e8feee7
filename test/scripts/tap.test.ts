/** What `npm test` makes of the TAP stream of its tests. */
import test from 'ava';

import { countTap } from '../../scripts/setup/tap.mjs';

const STREAM = [
  'TAP version 13',
  'ok 1 - a › is right',
  'not ok 2 - b › is wrong',
  '  ---',
  '    name: AssertionError',
  '  ...',
  '# a remark',
  'ok 3 - c › is yet to be written # TODO',
  'ok 4 - d › is right',
  '# tests 4',
].join('\n');

test('counts what comes in pieces, and takes a test that is yet to be written for a failed one', (t) => {
  const said: string[] = [];
  const tap = countTap((line) => said.push(line));
  for (const piece of STREAM.match(/[^]{1,7}/g) ?? []) tap.write(piece);
  const { passed, failed } = tap.end();
  t.deepEqual({ passed, failed }, { passed: 2, failed: 2 });
  t.deepEqual(said, [
    '✔ a › is right',
    '✘ b › is wrong',
    '  ---',
    '    name: AssertionError',
    '  ...',
    '# a remark',
    '✘ c › is yet to be written # TODO',
    '✔ d › is right',
  ]);
});

test('what failed is told again at the end, with its diagnosis and nothing else', (t) => {
  const tap = countTap(() => undefined);
  tap.write(STREAM);
  t.deepEqual(tap.end().failures, [
    '✘ b › is wrong',
    '  ---',
    '    name: AssertionError',
    '  ...',
    '✘ c › is yet to be written # TODO',
  ]);
});
