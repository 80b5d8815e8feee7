import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';

import { parseNames } from '../../bench/options.ts';
import { allSubjects, parseSubject, parseSubjects } from '../../bench/subjects.ts';
import { MODEL_NAMES } from '../../study/models/models.ts';

const MAIN = join(import.meta.dirname, '../../bench/main.ts');

async function bench(
  ...args: string[]
): Promise<{ exitCode: number; stdout: string; text: string }> {
  const { exitCode, stdout, stderr } = await execa({ reject: false })(process.execPath, [
    MAIN,
    ...args,
  ]);
  return { exitCode: exitCode ?? 1, stdout, text: stderr };
}

for (const [args, named] of [
  [['step', '--models', 'resnet20,resnet9'], '--models is resnet9'],
  [['step', '--models', 'kd_resnet9_resnet20'], '--models is kd_resnet9_resnet20'],
  [['step', '--models', 'resnet20:8'], '--models is resnet20:8'],
  [['step', '--rounds', '0'], '--rounds is 0'],
  [['step', '--batch', '6.5'], '--batch is 6.5'],
  [['step', '--threads', 'all'], '--threads is all'],
  [['step', '--engines', 'recorded,jax'], '--engines is jax'],
  [['step', '--frobnicate'], "unknown option '--frobnicate'"],
  [['memory', '--model', 'resnet9'], '--model is resnet9'],
  [['memory', '--steps', '1e3'], '--steps is 1e3'],
  [['sprint'], "unknown command 'sprint'"],
] as const) {
  test(`bench ${args.join(' ')} is refused in one line with exit code 64`, async (t) => {
    const { exitCode, stdout, text } = await bench(...args);
    t.is(exitCode, 64);
    t.is(stdout, '');
    t.true(text.includes(named), text);
    t.is(text.trim().split('\n').length, 1, text);
  });
}

test('bench --help lists the benches and succeeds', async (t) => {
  const { exitCode, stdout } = await bench('--help');
  t.is(exitCode, 0);
  t.regex(stdout, /^ {2}step .*^ {2}memory /ms);
});

test('every model of the catalogue is measured, and a distillation', (t) => {
  const names = allSubjects(MODEL_NAMES).map(({ name }) => name);
  t.deepEqual(names, [...MODEL_NAMES, 'kd_resnet56_resnet20']);
});

test('a distillation names its teacher and its student, whatever underscores they have', (t) => {
  const name = 'kd_wrn_40_2_wrn_16_2';
  const { model, teacher } = parseSubject(name, MODEL_NAMES);
  t.deepEqual([teacher, model], ['wrn_40_2', 'wrn_16_2']);
});

test('a tree may have a width', (t) => {
  const [subject] = parseSubjects('hme_ltb:16', MODEL_NAMES);
  t.deepEqual(subject, { name: 'hme_ltb:16', model: 'hme_ltb', width: 16 });
});

test('a name given twice is measured once', (t) => {
  t.is(parseSubjects('resnet20, resnet20', MODEL_NAMES).length, 1);
  t.deepEqual(parseNames('--engines', 'a,b,a', ['a', 'b']), ['a', 'b']);
});
