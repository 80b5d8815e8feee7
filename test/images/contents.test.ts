import test from 'ava';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { contentsOf } from '../../images/contents.ts';

const ROOT = join(import.meta.dirname, '..', '..');

test('the trainer holds no client of Temporal and none of Kubernetes', (t) => {
  const { files, packages } = contentsOf(ROOT, 'trainer');
  t.deepEqual(
    packages.filter((folder) => /@temporalio|@kubernetes|webpack/.test(folder)),
    [],
  );
  t.true(packages.includes('node_modules/@tensorflow/tfjs-node'));
  t.true(packages.includes('node_modules/minio'));
  t.true(files.includes('bin/trainer/run.ts'), 'imported at run time');
  t.true(files.includes('learning/data/assembler.ts'), 'the program of a thread');
  t.true(files.includes('learning/engine/native/addon.cc'), 'whose digest is compared');
  t.deepEqual(
    files.filter((file) => /^(workflows|activities|executors|k8s|cli|stack|verify)\//.test(file)),
    [],
  );
});

test('the worker holds no TensorFlow, and nothing that computes', (t) => {
  const { files, packages } = contentsOf(ROOT, 'worker');
  t.deepEqual(
    packages.filter((folder) => /@tensorflow|oxc-parser/.test(folder)),
    [],
  );
  t.true(packages.includes('node_modules/@temporalio/worker'));
  t.true(files.includes('workflows/index.ts'), 'bundled at its start');
  t.true(files.includes('bin/reporter.ts'), 'a process of its own');
  t.true(files.includes('learning/data/digits/train.bin.gz'));
  t.deepEqual(
    files.filter((file) => /^(learning\/(engine|models|training)|cli|stack|verify)\//.test(file)),
    [],
  );
});

test('a pod of a pool holds what a worker and a trainer hold', (t) => {
  const pool = contentsOf(ROOT, 'pool');
  t.true(pool.packages.includes('node_modules/@tensorflow/tfjs-node'));
  t.true(pool.packages.includes('node_modules/@temporalio/worker'));
  t.deepEqual(
    contentsOf(ROOT, 'trainer').files.filter((file) => !pool.files.includes(file)),
    [],
  );
});

/** A tree with these files. */
async function plant(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'kdx-contents-'));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}

const MANIFEST = 'node_modules/%/package.json';
const manifest = (name: string): string => MANIFEST.replace('%', name);

test('a package that an image must not hold is refused, over any number of steps', async (t) => {
  const root = await plant({
    'bin/trainer.ts': "await import('./trainer/run.ts');",
    'bin/trainer/run.ts': "export { a } from 'a/part';",
    [manifest('a')]: '{ "dependencies": { "b": "1" } }',
    [manifest('a/node_modules/b')]: '{ "optionalDependencies": { "@temporalio/client": "1" } }',
    [manifest('@temporalio/client')]: '{}',
  });
  t.teardown(() => rm(root, { recursive: true }));
  t.throws(() => contentsOf(root, 'trainer'), {
    message: 'the image of the trainer would hold node_modules/@temporalio/client',
  });
});

test('a package that is not installed is named, with what asks for it', async (t) => {
  const root = await plant({
    'bin/trainer.ts': "import 'a';",
    [manifest('a')]: '{ "dependencies": { "b": "1" }, "optionalDependencies": { "c": "1" } }',
  });
  t.teardown(() => rm(root, { recursive: true }));
  t.throws(() => contentsOf(root, 'trainer'), {
    message: 'node_modules/a needs the package b, which is not installed; run: npm ci',
  });
});
