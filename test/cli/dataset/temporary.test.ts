import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test from 'ava';
import { execa } from 'execa';

import { temporaryFolder } from '../../../cli/dataset/temporary.ts';

const MODULE = new URL('../../../cli/dataset/temporary.ts', import.meta.url);

test('a temporary folder goes with all that is in it', async (t) => {
  const { path, remove } = await temporaryFolder();
  await writeFile(join(path, 'x'), 'x');
  await remove();
  t.false(existsSync(path));
});

for (const [how, program, code] of [
  ['is interrupted', "process.kill(process.pid, 'SIGINT')", 130],
  ['is terminated', "process.kill(process.pid, 'SIGTERM')", 143],
  ['fails', "throw new Error('x')", 1],
] as const) {
  test(`a temporary folder goes when the process ${how}`, async (t) => {
    const text = `
      const { exitOnSignals, temporaryFolder } = await import(${JSON.stringify(MODULE.href)});
      exitOnSignals();
      const { path } = await temporaryFolder();
      process.stdout.write(path);
      setTimeout(() => { ${program} }, 10);
      setInterval(() => undefined, 1000);
    `;
    const args = ['--input-type=module', '--eval', text];
    const { stdout, exitCode } = await execa({ reject: false })(process.execPath, args);
    t.is(exitCode, code);
    t.regex(stdout, /kdx-dataset-/);
    t.false(existsSync(stdout));
  });
}
