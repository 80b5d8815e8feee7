import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { atLeast, VERSIONS } from '../../scripts/versions.mjs';

const PYTHON = join(import.meta.dirname, '../../scripts/python');
const SHA256 = /^[0-9a-f]{64}$/;

test('everything that set-up fetches is pinned by a digest of the right shape', (t) => {
  t.regex(VERSIONS.node.integrity, /^sha512-[A-Za-z0-9+/]{86}==$/);
  t.regex(VERSIONS.uv.sha256, SHA256);
  t.regex(VERSIONS.tensorflow.cpu.sha256, SHA256);
  t.regex(VERSIONS.tensorflow.gpu.sha256, SHA256);
  t.regex(VERSIONS.minio.sum, /^h1:[A-Za-z0-9+/]{43}=$/);
});

for (const name of ['stack', 'cuda']) {
  test(`every Python package of ${name}.txt has one version and digests`, async (t) => {
    const text = await readFile(join(PYTHON, `${name}.txt`), 'utf8');
    const entries = text
      .replaceAll(/^#.*\n/gm, '')
      .replaceAll('\\\n', ' ')
      .trim()
      .split('\n');
    t.true(entries.length >= 10);
    for (const entry of entries) {
      t.regex(entry, /^[\w.[\]-]+==[\w.]+ .*--hash=sha256:[0-9a-f]{64}/, entry);
    }
  });
}

test('the servers of the table are those of the Python lock file', async (t) => {
  const text = await readFile(join(PYTHON, 'stack.txt'), 'utf8');
  for (const [name, version] of Object.entries(VERSIONS.python.packages)) {
    t.true(text.includes(`\n${name}==${version} `), `${name} ${version}`);
  }
});

test('versions compare part by part as numbers', (t) => {
  t.true(atLeast('2.36', '2.27'));
  t.true(atLeast('22.20.0', '22.20.0'));
  t.true(atLeast('3.10', '3.9'));
  t.true(atLeast('24', '22.20.0'));
  t.false(atLeast('2.3', '2.27'));
  t.false(atLeast('20.20.2', '22.20.0'));
});
