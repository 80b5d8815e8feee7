import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';

const kdx = (...args: readonly string[]) =>
  execa({ reject: false })(process.execPath, [
    join(import.meta.dirname, '../../bin/kdx.ts'),
    ...args,
  ]);

const WRONG = [
  { args: ['plan', 'digits', '--nope'], why: /^error: unknown option '--nope'$/m },
  { args: ['plan'], why: /^error: missing required argument 'study'$/m },
  { args: ['plam', 'digits'], why: /^error: unknown command 'plam'$/m },
  {
    args: ['plan', 'digits', '--price', '-1'],
    why: /^error: option '--price <n>' argument '-1' is invalid\. allowed: a positive number\.$/m,
  },
  {
    args: ['gc', '--older-than', '3x'],
    why: /^error: option '--older-than <age>' argument '3x' is invalid\. Allowed are hours and days: 36h, 7d\.$/m,
  },
  { args: ['dataset', 'remove', '--nope'], why: /^error: / },
] as const;

for (const { args, why } of WRONG) {
  test(`kdx ${args.join(' ')} is refused with exit code 64`, async (t) => {
    const { exitCode, stdout, stderr } = await kdx(...args);
    t.is(exitCode, 64, stderr);
    t.is(stdout, '');
    t.regex(stderr, why);
    t.false(stderr.includes('    at '), 'no stack');
  });
}

test('help that was asked for is no failure', async (t) => {
  for (const args of [['--help'], ['help', 'plan'], ['dataset', 'add', '--help']]) {
    const { exitCode, stdout, stderr } = await kdx(...args);
    t.is(exitCode, 0, stderr);
    t.regex(stdout, /^Usage: kdx /);
  }
});
