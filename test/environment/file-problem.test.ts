import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { fileProblem } from '../../environment/file-problem.mjs';

const KDX = join(import.meta.dirname, '../../bin/kdx.ts');

test('a file that a user cannot write is one sentence: which, why, what to do', (t) => {
  const denied = Object.assign(new Error('EACCES'), { code: 'EACCES', path: '/theirs/run' });
  t.is(
    fileProblem(denied),
    '/theirs/run: permission denied (EACCES); set KDX_STATE_DIR to a folder of yours',
  );
  const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', path: '/full/file' });
  t.is(fileProblem(full), '/full/file: the disk is full (ENOSPC); free some of it');
});

test('any other error is none of the file’s', (t) => {
  t.is(fileProblem(new Error('a defect')), undefined);
  t.is(fileProblem(Object.assign(new Error('x'), { code: 'EACCES' })), undefined);
  t.is(fileProblem('text'), undefined);
});

for (const command of [['up', '--detach'], ['status'], ['env']]) {
  test(`kdx ${command[0]} under a path that is no folder says so, without a stack trace`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'kdx-file-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const home = join(KDX, 'state');
    const run = execa({ reject: false, env: { KDX_STATE_DIR: home } });
    const { exitCode, stderr } = await run(process.execPath, [KDX, ...command]);
    t.is(exitCode, 78);
    t.regex(
      stderr,
      /^kdx: Configuration: .*: a part of the path is no folder \(ENOTDIR\); set KDX/,
    );
    t.is(stderr.split('\n').length, 1, stderr);
  });
}
