import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { openS3Store } from '../../../stores/s3.ts';
import { startSeaweedfs } from '../../servers/seaweedfs.ts';
import { folder } from '../dataset/archives.ts';

const ROOT = join(import.meta.dirname, '../../..');
const FILES = join(ROOT, 'test/fixtures/teachers');

test('the command adds, lists and refuses', async (t) => {
  const server = await startSeaweedfs();
  t.teardown(() => server.stop());
  const home = await folder(t);
  const s3 = server.s3('teachers');
  await openS3Store(s3).ensureBucket();
  const env = {
    KDX_S3_ENDPOINT: s3.endpoint,
    KDX_S3_ACCESS_KEY: s3.accessKey,
    KDX_S3_SECRET_KEY: s3.secretKey,
    KDX_S3_BUCKET: 'teachers',
    KDX_STATE_DIR: home,
  };
  const kdx = (...args: readonly string[]) =>
    execa({ reject: false, env, cwd: home })(process.execPath, [
      join(ROOT, 'bin/kdx.ts'),
      'teacher',
      ...args,
    ]);
  const added = await kdx('add', 'mine', '--from', join(FILES, 'resnet8.pth'));
  t.is(added.exitCode, 0, added.stderr);
  t.regex(added.stdout, /^mine: a resnet8 of 10 classes in .*, digest [0-9a-f]{64}$/);
  const listed = await kdx('list');
  t.regex(listed.stdout, /mine +resnet8 +10 +torch +[0-9a-f]{64}/);
  const halves = ['0.5', '0.5', '0.5'];
  const own = await kdx(
    ...['add', 'own', '--from', join(FILES, 'resnet8.pth'), '--mean', ...halves, '--sd', ...halves],
  );
  t.is(own.exitCode, 0, own.stderr);
  t.regex((await kdx('list', '--json')).stdout, /"mean": \[\s+0\.5,\s+0\.5,\s+0\.5\s+\]/);
  const harm = await kdx('add', 'evil', '--from', join(FILES, 'harm.pth'));
  t.is(harm.exitCode, 65, harm.stderr);
  t.regex(harm.stderr, /harm\.pth: .*posix\.system/);
  const moments = await kdx('add', 'mine', '--from', 'x', '--mean', '1', '--sd', '1');
  t.is(moments.exitCode, 64, moments.stderr);
  t.regex(moments.stderr, /three numbers each/);
});
