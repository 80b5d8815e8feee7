import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';

const ROOT = join(import.meta.dirname, '..');
const ROOMS = [
  ...['workflows', 'activities', 'study', 'leg', 'statistics', 'distillers', 'learning'],
  'formats',
  ...['executors', 'k8s'],
  ...['stores', 'report', 'environment', 'stack', 'cli', 'verify', 'bin'],
];

/** The import rule, and what programs load over any number of imports. */
const CONFIGS = ['.dependency-cruiser.cjs', '.dependency-cruiser-runtime.cjs'];

/** Runs both configs over the rooms of a tree. */
async function cruise(root: string): Promise<{ readonly exitCode: number; readonly text: string }> {
  const rooms = ROOMS.filter((room) => existsSync(join(root, room)));
  const tool = join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruiser.mjs');
  const runs = await Promise.all(
    CONFIGS.map((config) =>
      execa({ cwd: root, reject: false, all: true })(process.execPath, [
        ...[tool, '--config', config, '--output-type', 'err', ...rooms],
      ]),
    ),
  );
  const exitCode = Math.max(...runs.map((run) => run.exitCode ?? 1));
  return { exitCode, text: runs.map(({ all }) => all).join('\n') };
}

test('every import goes the way the rooms allow', async (t) => {
  const { exitCode, text } = await cruise(ROOT);
  t.is(exitCode, 0, text);
  t.regex(text, /\d{2,} modules/, 'the rule saw the project');
});

/** One planted import for each kind of rule, and the rule that must catch it. */
const VIOLATIONS: readonly (readonly [rule: string, file: string, source: string])[] = [
  ['study-imports', 'study/planted.ts', "import '../leg/spec.ts';"],
  [
    'distillers-imports-only-types-of-learning',
    'distillers/planted.ts',
    "import { tf } from '../learning/engine/backend.ts';\ntf;",
  ],
  ['learning-imports', 'learning/planted.ts', "import '../stores/names.ts';"],
  ['report-imports', 'report/planted.ts', "import '../stores/names.ts';"],
  [
    'workflows-imports-only-types-of-activities',
    'workflows/planted.ts',
    "import { createStudyActivities } from '../activities/study.ts';\ncreateStudyActivities;",
  ],
  ['workflows-import-no-node-built-ins', 'workflows/planted-built-in.ts', "import 'node:fs';"],
  ['only-learning-imports-tfjs', 'stores/planted.ts', "import '@tensorflow/tfjs-node';"],
  ['only-learning-imports-tfjs', 'cli/planted.ts', "import 'onnxruntime-node';"],
  [
    'only-workflows-import-the-workflow-package',
    'activities/planted.ts',
    "import { sleep } from '@temporalio/workflow';\nsleep;",
  ],
  [
    'the-trainer-holds-no-temporal-and-no-kubernetes',
    'bin/trainer/planted.ts',
    "import { Client } from '@temporalio/client';\nClient;",
  ],
  [
    'worker-and-trainer-hold-nothing-of-a-laptop',
    'bin/worker/planted-laptop.ts',
    "import '../../stack/layout.ts';",
  ],
  ['environment-imports', 'environment/planted.ts', "import '../stores/names.ts';"],
  ['no-circle', 'leg/planted-a.ts', "import type { B } from './planted-b.ts';\nexport type A = B;"],
  [
    'the-worker-holds-no-tfjs',
    'bin/worker/planted.ts',
    "import '../../learning/engine/backend.ts';",
  ],
];

test('each rule catches an import that breaks it', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'kdx-architecture-'));
  t.teardown(() => rm(root, { recursive: true }));
  await Promise.all([
    ...ROOMS.filter((room) => existsSync(join(ROOT, room))).map((room) =>
      cp(join(ROOT, room), join(root, room), { recursive: true }),
    ),
    ...[...CONFIGS, 'tsconfig.json', 'package.json'].map((file) =>
      cp(join(ROOT, file), join(root, file)),
    ),
    symlink(join(ROOT, 'node_modules'), join(root, 'node_modules')),
  ]);
  for (const [, file, source] of VIOLATIONS) {
    await mkdir(join(root, file, '..'), { recursive: true });
    await writeFile(join(root, file), `${source}\n`);
  }
  // The other half of the circle.
  await writeFile(
    join(root, 'leg/planted-b.ts'),
    "import type { A } from './planted-a.ts';\nexport type B = A[];\n",
  );
  const { exitCode, text } = await cruise(root);
  t.not(exitCode, 0);
  for (const [rule, file] of VIOLATIONS) {
    t.true(text.includes(`error ${rule}: ${file}`), `${rule} is named:\n${text}`);
  }
});
