import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';

const ROOT = join(import.meta.dirname, '../..');

test('a clone with core.autocrlf has the same bytes as any other', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-clone-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const git = (...args: readonly string[]) => execa('git', ['-C', folder, ...args]);
  await execa('git', ['clone', '--quiet', '-c', 'core.autocrlf=true', ROOT, folder]);
  const files = (await git('ls-files', '--eol')).stdout.split('\n');
  t.true(files.length > 100);
  t.deepEqual(
    files.filter((line) => !/^i\/(lf +w\/lf|-text +w\/-text|none +w\/none) /.test(line)),
    [],
  );
  t.is((await git('status', '--porcelain')).stdout, '');
});
