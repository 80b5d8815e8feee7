import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';

const MAIN = join(import.meta.dirname, '../../bench/main.ts');

async function benchInput(...args: string[]) {
  return execa({ reject: false })(process.execPath, [MAIN, 'input', ...args]);
}

for (const [args, named] of [
  [['--models', 'resnet9'], '--models is resnet9'],
  [['--batches', '64,0'], '--batches is 0'],
  [['--steps', 'many'], '--steps is many'],
] as const) {
  test(`bench input ${args.join(' ')} is refused with exit code 64`, async (t) => {
    const { exitCode, stdout, stderr } = await benchInput(...args);
    t.is(exitCode, 64);
    t.is(stdout, '');
    t.true(stderr.includes(named), stderr);
  });
}

test('bench input measures both ways and ends with one line of JSON', async (t) => {
  const settings = ['--models', 'resnet8', '--batches', '8', '--threads', '1'];
  const { exitCode, stdout, stderr } = await benchInput(
    ...settings,
    '--rounds',
    '1',
    '--steps',
    '3',
  );
  t.is(exitCode, 0, stderr);
  const { bench, rows } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
    bench: string;
    rows: Record<string, number | boolean | string>[];
  };
  t.is(bench, 'input');
  t.deepEqual(
    rows.map(({ model, batch, threads, ahead }) => [model, batch, threads, ahead]),
    [
      ['resnet8', 8, 1, false],
      ['resnet8', 8, 1, true],
    ],
  );
  for (const { stepMs, inputMs, inputShare, otherMs, otherShare } of rows) {
    t.true(Number(stepMs) > Number(inputMs) + Number(otherMs));
    t.true(Number(inputMs) > 0 && Number(otherMs) > 0);
    t.true(Number(inputShare) < 1 && Number(otherShare) < 1);
  }
});
