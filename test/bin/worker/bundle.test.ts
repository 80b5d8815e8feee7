import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import test from 'ava';
import { BUNDLE_FILE, bundleWorkflows, workflowBundle } from '../../../bin/worker/bundle.ts';

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

test('the bundle of an image is taken as it is', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'kdx-bundle-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, dirname(BUNDLE_FILE)));
  await writeFile(join(root, BUNDLE_FILE), 'of the build');
  t.deepEqual(await workflowBundle(root), { code: 'of the build' });
});
