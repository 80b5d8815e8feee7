import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { cached, unwritable } from '../../scripts/setup/cache.mjs';
import { run } from '../../scripts/setup/command.mjs';
import { withLock } from '../../scripts/setup/lock.mjs';
import { isSuitable } from '../../scripts/setup/node.mjs';
import { absentOf } from '../../scripts/setup/packages.mjs';
import { checkPath, checkPlatform, checkTools } from '../../scripts/setup/platform.mjs';
import { countTap } from '../../scripts/setup/tap.mjs';

const ROOT = join(import.meta.dirname, '../..');
const quiet = (): void => {};

async function temporaryFolder(t: { teardown(undo: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-setup-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('a machine that the binaries cannot run on is refused in one line with the way out', (t) => {
  const good = { platform: 'linux', arch: 'x64', glibc: '2.36' };
  t.notThrows(() => checkPlatform(good));
  for (const [bad, named] of [
    [{ ...good, platform: 'darwin', glibc: undefined }, 'darwin-x64'],
    [{ ...good, arch: 'arm64' }, 'linux-arm64'],
    [{ ...good, glibc: '2.17' }, 'glibc 2.17'],
    [{ ...good, glibc: undefined }, 'without glibc'],
  ] as const) {
    const error = t.throws(() => checkPlatform(bad));
    t.true(error.message.includes(named), error.message);
    t.true(error.message.includes('docker run'), error.message);
    t.false(error.message.includes('\n'));
  }
});

test('all missing tools are named at once, with how to get them', async (t) => {
  const nothing = () => undefined;
  const error = await t.throwsAsync(checkTools({ compiler: true, go: true }, nothing));
  for (const tool of ['npm', 'g++', 'go', 'python3'])
    t.regex(error.message, new RegExp(tool.replaceAll('+', '\\+')));
});

test('Go is not asked for where MinIO is not built', async (t) => {
  const error = await t.throwsAsync(checkTools({ compiler: true, go: false }, () => undefined));
  t.notRegex(error.message, /MinIO/);
});

test('an old or odd Node is not used', (t) => {
  t.true(isSuitable('22.20.0'));
  t.true(isSuitable('24.21.0'));
  t.false(isSuitable('20.20.2'));
  t.false(isSuitable('22.12.0'));
  t.false(isSuitable('23.11.0'));
});

test('node_modules is kept only when it holds every package at its digest', (t) => {
  const entry = (integrity: string) => ({ version: '1.0.0', integrity });
  const wanted = {
    packages: {
      '': { version: '0.1.0' },
      'node_modules/a': entry('sha512-a'),
      'node_modules/b-darwin': { ...entry('sha512-b'), optional: true, os: ['darwin'] },
      'node_modules/b-linux': { ...entry('sha512-b'), optional: true, os: ['linux'], cpu: ['x64'] },
    },
  };
  const linux = { 'node_modules/b-linux': entry('sha512-b') };
  const [a, b] = ['node_modules/a', 'node_modules/b-linux'];
  t.deepEqual(absentOf(wanted, { packages: { [a]: entry('sha512-a'), ...linux } }), []);
  t.deepEqual(absentOf(wanted, { packages: { [a]: entry('sha512-other'), ...linux } }), [a]);
  t.deepEqual(absentOf(wanted, { packages: { [a]: entry('sha512-a') } }), [b]);
  t.deepEqual(absentOf(wanted, {}), [a, b]);
});

test('a cached folder is built once, even by builders at the same time', async (t) => {
  const home = await temporaryFolder(t);
  let builds = 0;
  const build = async (folder: string): Promise<void> => {
    builds += 1;
    await writeFile(join(folder, 'part'), 'whole');
  };
  const folders = await Promise.all([1, 2, 3].map(() => cached('thing-1', build, quiet, { home })));
  t.is(builds, 1);
  t.is(new Set(folders).size, 1);
  t.is(await readFile(join(home, 'thing-1', 'part'), 'utf8'), 'whole');
});

test('a build that fails leaves no folder of its name, and the next one starts from nothing', async (t) => {
  const home = await temporaryFolder(t);
  const breaks = async (folder: string): Promise<void> => {
    await writeFile(join(folder, 'half'), '');
    throw new Error('the network went away');
  };
  await t.throwsAsync(cached('thing-1', breaks, quiet, { home }), {
    message: 'the network went away',
  });
  t.false(existsSync(join(home, 'thing-1')));
  const found: string[] = [];
  await cached('thing-1', async (folder) => void found.push(...(await readdir(folder))), quiet, {
    home,
  });
  t.deepEqual(found, []);
  t.deepEqual(await readdir(home), ['thing-1']);
});

test('what was complete and does not run any more is built again, once', async (t) => {
  const home = await temporaryFolder(t);
  const said: string[] = [];
  let builds = 0;
  const build = async (folder: string): Promise<void> => {
    builds += 1;
    await writeFile(join(folder, 'program'), '#!/bin/sh\n', { mode: 0o755 });
  };
  const attempt = (folder: string) => run(join(folder, 'program'), []);
  const provide = () => cached('thing-1', build, (line) => said.push(line), { home, attempt });
  await provide();
  await provide();
  t.is(builds, 1);
  await writeFile(join(home, 'thing-1', 'program'), '#!/no/such/interpreter\n');
  await provide();
  t.is(builds, 2);
  t.regex(said.join('\n'), /^thing-1 does not run any more \(.*ENOENT.*\): building it again$/);
  await provide();
  t.is(builds, 2);
  t.deepEqual(await readdir(home), ['thing-1']);
});

test('a cache that cannot be written is named in one sentence, with the way out', async (t) => {
  // Nobody can make a folder in a file, root included.
  for (const home of ['cache', 'a/b/cache'].map((name) => join(ROOT, 'package.json', name))) {
    const error = await t.throwsAsync(cached('thing-1', async () => {}, quiet, { home }));
    t.true(error.message.startsWith(`${home} cannot be written (`), error.message);
    t.regex(error.message, /set KDX_CACHE_HOME to a folder of yours/);
    t.false(error.message.includes('\n'));
  }
});

test('a home that is not the user’s, as / often is in containers, is said to be so', (t) => {
  const denied = Object.assign(new Error('EACCES'), { code: 'EACCES', path: '/.cache' });
  const error = unwritable(denied, '/.cache/kdexplainer');
  t.regex(String(error), /\/\.cache\/kdexplainer cannot be written \(EACCES\): set KDX_CACHE_HOME/);
  const other = Object.assign(new Error('EACCES'), { code: 'EACCES', path: '/elsewhere' });
  t.is(unwritable(other, '/.cache/kdexplainer'), other);
});

for (const character of ['!', '?', '#', ':', ',', '"', '\n']) {
  test(`a checkout with ${JSON.stringify(character)} in its path is refused by name`, (t) => {
    const path = `/home/me/we${character}rd/kdx`;
    const error = t.throws(() => checkPath(path));
    t.true(error.message.startsWith(JSON.stringify(path)), error.message);
    t.true(error.message.includes(JSON.stringify(character)));
    t.false(error.message.includes('\n'));
  });
}

test('a checkout with blanks, %, quotes and letters of any script is not refused', (t) => {
  t.notThrows(() => checkPath("/home/me/it's 100% fine; (a) [b] {c} é 学/kdx"));
});

test('the lock of a process that was killed is taken over', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'lock');
  const program = `
    import { withLock } from ${JSON.stringify(join(ROOT, 'scripts/setup/lock.mjs'))};
    await withLock(${JSON.stringify(path)}, async () => {
      process.stdout.write('held');
      await new Promise(() => setInterval(() => {}, 1000));
    });`;
  const holder = execa(process.execPath, ['--input-type=module', '-e', program], { reject: false });
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  holder.kill('SIGKILL');
  await holder;
  t.true(existsSync(path));
  t.is(await withLock(path, async () => 'mine'), 'mine');
  t.false(existsSync(path));
});

test('a command that fails tells its name, its code and what it said', async (t) => {
  const error = await t.throwsAsync(run('sh', ['-c', 'echo why >&2; exit 3']));
  t.regex(error.message, /sh -c .* ended with 3:\nwhy/);
});

test('the last line counts passed and failed tests; a skipped one has failed', (t) => {
  const said: string[] = [];
  const tap = countTap((line) => said.push(line));
  tap.write('TAP version 13\nok 1 - a › works\nnot ok 2 - b › bre');
  tap.write('aks\n  ---\n  message: wrong\n  ...\nok 3 - c # SKIP\n\n1..3\n# tests 3\n');
  t.like(tap.end(), { passed: 1, failed: 2 });
  t.deepEqual(said.slice(0, 3), ['✔ a › works', '✘ b › breaks', '  ---']);
});
