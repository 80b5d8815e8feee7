/** A method needs its file and a line of the registry: planted in a copy of the tree. */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import test from 'ava';
import { execa } from 'execa';

const ROOT = join(import.meta.dirname, '..', '..');

const METHOD = `
import { z } from 'zod';
import { defineDistiller, taught } from './contract.ts';

export const mse = defineDistiller({
  name: 'mse',
  paper: 'none',
  weight: 2,
  options: z.strictObject({ scale: z.number().default(3) }),
  reads: { teacher: 'logits' },
  refuses: ({ classes }, { scale }) => (classes * scale > 40 ? 'too large; allowed: less' : undefined),
  build: ({ tf }, { scale }) => ({
    loss: (step) => tf.mul(tf.mean(tf.squaredDifference(step.student.logits, taught(step).logits)), scale),
  }),
});
`;

/** Resolves the digits study with the planted method, and prints what comes of it. */
const PROBE = `
import { readFileSync } from 'node:fs';
import { computeCodeIndex } from './learning/code.ts';
import { resolveStudy } from './study/resolve.ts';

const study = JSON.parse(readFileSync('studies/digits.json', 'utf8'));
const resolve = (distiller) => {
  const methods = [study.sweep.methods[0], { id: 'MSE', distillers: [distiller] }];
  const resolution = resolveStudy({ ...study, sweep: { ...study.sweep, methods } });
  return resolution.ok ? resolution.study.sweep.methods[1] : resolution.problems;
};
const { distillers } = computeCodeIndex(process.cwd());
console.log(JSON.stringify([resolve({ name: 'mse' }), resolve({ name: 'mse', scale: 5 }), distillers]));
`;

test('a new method is accepted with its file and its line, and changes no other', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'kdx-planted-'));
  t.teardown(() => rm(root, { recursive: true }));
  const rooms = ['distillers', 'learning', 'leg', 'study', 'studies'];
  await Promise.all([
    ...rooms.map((room) => cp(join(ROOT, room), join(root, room), { recursive: true })),
    cp(join(ROOT, 'package.json'), join(root, 'package.json')),
    symlink(join(ROOT, 'node_modules'), join(root, 'node_modules')),
  ]);
  const registry = join(root, 'distillers', 'registry.ts');
  const before = await readFile(registry, 'utf8');
  const listed = before.replace('[ce, ', '[mse, ce, ');
  t.not(listed, before);
  await writeFile(registry, `import { mse } from './mse.ts';\n${listed}`);
  await writeFile(join(root, 'distillers', 'mse.ts'), METHOD);
  await writeFile(join(root, 'probe.ts'), PROBE);
  const { stdout } = await execa(process.execPath, ['probe.ts'], { cwd: root });
  const [accepted, refused, planted] = JSON.parse(stdout) as [
    unknown,
    { path: string; message: string }[],
    Record<string, string>,
  ];
  t.like(accepted, {
    reads: 'logits',
    distillers: [{ name: 'mse', weight: 2, scale: 3 }],
  });
  t.like(refused[0], {
    path: '$.sweep.methods[1].distillers[0]',
    message: 'found "mse" for resnet8 under resnet14: too large; allowed: less',
  });
  const { computeCodeIndex } = await import('../../learning/code.ts');
  const { mse, ...others } = planted;
  t.regex(mse ?? '', /^[0-9a-f]{64}$/);
  t.deepEqual(others, computeCodeIndex(ROOT).distillers, 'no other method is trained again');
});
