import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import test from 'ava';
import { bundleWorkflows } from '../../../bin/worker/bundle.ts';

test('a bundle that fails says which module is wrong, and why', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-bundle-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'index.ts');
  await writeFile(path, "export { nothing } from './absent.ts';\n");
  const error = await t.throwsAsync(bundleWorkflows(path));
  // The bundler names it from the working folder, where that is near.
  t.true(error.message.includes(join(basename(folder), 'index.ts')), error.message);
  t.regex(error.message, /Can't resolve '.\/absent\.ts'/);
});
