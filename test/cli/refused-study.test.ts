import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import test from 'ava';
import { execa } from 'execa';

import type { StudyInput } from '../../study/schema.ts';

const ROOT = join(import.meta.dirname, '../..');
const digits = await readFile(join(ROOT, 'studies/digits.json'), 'utf8');

/** The text of the digits study after a change. */
function studyWith(change: (study: StudyInput) => unknown): string {
  return JSON.stringify(change(JSON.parse(digits) as StudyInput));
}

const refusals: readonly (readonly [string, string | undefined, RegExp])[] = [
  [
    'an unknown model',
    studyWith(({ teachers: [first] = [], ...rest }) => ({
      ...rest,
      teachers: [{ ...first, model: { name: 'resnet9' } }],
    })),
    /\$\.teachers\[0\]\.model\.name: found "resnet9"; allowed: one of resnet8, resnet14, /,
  ],
  [
    'a negative count of epochs',
    studyWith(({ sweep, ...rest }) => ({
      ...rest,
      sweep: { ...sweep, train: { ...sweep?.train, epochs: -5 } },
    })),
    /\$\.sweep\.train\.epochs: found -5; allowed: at least 1/,
  ],
  [
    'an unknown field',
    studyWith((study) => ({ ...study, epochs: 5 })),
    /\$\.epochs: unknown field/,
  ],
  [
    'a preset that the dataset does not have',
    studyWith((study) => ({ ...study, dataset: { name: 'cifar100', preset: 'exact' } })),
    /\$\.dataset\.preset: found "exact"; allowed for cifar100: paper, correct/,
  ],
  [
    'text that is no JSON',
    digits.slice(0, 200),
    /bad\.json: line \d+, column \d+: found .*, where JSON allows none/,
  ],
  [
    'a field that stands twice',
    digits.replace('"seeds"', '"name": "again", "seeds"'),
    /\$\.name: found in line \d+ and before it in line \d+; allowed: once/,
  ],
  ['a list', '[]', /\$: found \[\]; allowed: an object/],
  ['a file that is not there', undefined, /bad\.json: there is no such file; allowed/],
];

for (const [name, text, why] of refusals) {
  test(`a study with ${name} is refused before anything is started`, async (t) => {
    const home = await mkdtemp(join(tmpdir(), 'kdx-test-study-'));
    t.teardown(() => rm(home, { recursive: true, force: true }));
    const state = join(home, 'state');
    const file = join(home, 'bad.json');
    if (text !== undefined) await writeFile(file, text);
    for (const command of ['study', 'start']) {
      const { exitCode, stdout, stderr } = await execa({
        reject: false,
        env: { KDX_STATE_DIR: state },
      })(process.execPath, [join(ROOT, 'bin/kdx.ts'), command, file]);
      t.is(exitCode, text === undefined ? 78 : 64, stderr);
      t.is(stdout, '');
      const code = text === undefined ? 'Configuration' : 'SpecInvalid';
      t.true(stderr.startsWith(`kdx: ${code}: ${file}: `), stderr);
      t.regex(stderr, why);
      t.is(stderr.split('\n').length, 1, 'one line says it');
      t.deepEqual(await readdir(home), text === undefined ? [] : ['bad.json'], 'nothing started');
    }
  });
}
