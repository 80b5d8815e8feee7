import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { lockHolder, takeLock } from '../../stack/lock.ts';

const LOCK = join(import.meta.dirname, '../../stack/lock.ts');

async function temporaryFolder(t: { teardown(undo: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-lock-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('a lock is taken once, whichever path leads to the folder, and is free when released', async (t) => {
  const folder = await temporaryFolder(t);
  const home = join(folder, 'home');
  const lock = await takeLock(home);
  await symlink(home, join(folder, 'link'));
  t.is(await takeLock(home), undefined);
  t.is(await takeLock(join(folder, 'link')), undefined);
  const other = await takeLock(join(folder, 'other'));
  t.truthy(other, 'another folder has another lock');
  other?.release();
  lock?.release();
  const again = await takeLock(home);
  t.truthy(again);
  again?.release();
});

test('a lock dies with its owner, and who waits for it learns so', async (t) => {
  const home = await temporaryFolder(t);
  const program = `
    import { takeLock } from ${JSON.stringify(LOCK)};
    await takeLock(${JSON.stringify(home)});
    console.log('held');
    setInterval(() => {}, 1000);`;
  const owner = execa(process.execPath, ['--input-type=module', '-e', program], { reject: false });
  await new Promise((resolve) => owner.stdout.once('data', resolve));
  t.is(await takeLock(home), undefined);
  const holder = await lockHolder(home);
  t.is(holder?.pid, owner.pid);
  owner.kill('SIGKILL');
  await holder?.released;
  await owner;
  t.is(await lockHolder(home), undefined);
  const lock = await takeLock(home);
  t.truthy(lock);
  lock?.release();
});

test('a folder that is not there has no holder, and is not made by asking', async (t) => {
  const folder = await temporaryFolder(t);
  t.is(await lockHolder(join(folder, 'absent')), undefined);
  t.is(
    await rm(join(folder, 'absent')).catch((error: NodeJS.ErrnoException) => error.code),
    'ENOENT',
  );
});
