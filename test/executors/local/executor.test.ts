import test, { type ExecutionContext } from 'ava';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createLocalExecutor } from '../../../executors/local/executor.ts';
import type { LocalExecutorOptions } from '../../../executors/local/options.ts';
import type { LegEnd, LegWatch } from '../../../leg/ports.ts';
import type { Progress } from '../../../leg/result.ts';
import { openFolderStore } from '../../../stores/folder.ts';
import { openLeases } from '../../../stores/leases.ts';
import { keepLogTail } from '../../../stores/logs.ts';
import { logName } from '../../../stores/names.ts';
import { digestJson } from '../../../study/canonical.ts';
import { leg } from '../leg.ts';

const PROGRAM = fileURLToPath(new URL('program.ts', import.meta.url));
const HOST = fileURLToPath(new URL('host.ts', import.meta.url));

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kdx-test-executor-'));
  // As a store's `ensureBucket` leaves it.
  mkdirSync(join(path, '.partial'));
  t.teardown(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

type Changes = Partial<LocalExecutorOptions> & { readonly store?: string };

function executor(t: ExecutionContext, behaviour: readonly string[], changes: Changes = {}) {
  const { store = folder(t), environment = {}, ...others } = changes;
  return createLocalExecutor({
    command: [process.execPath, PROGRAM, ...behaviour],
    environment: { ...environment, KDX_TEST_STORE: store },
    logFolder: folder(t),
    leases: openLeases(openFolderStore(store)),
    progressSeconds: 1,
    ...others,
  });
}

/** Runs a leg and resolves once it has said something, with the means to stop it. */
async function working(local: ReturnType<typeof executor>, name = 'a') {
  const control = new AbortController();
  let heard: ((progress: Progress) => void) | undefined;
  const first = new Promise<Progress>((resolve) => (heard = resolve));
  const report: LegWatch['report'] = ({ progress }) => progress && heard?.(progress);
  const end = local.run(leg(name), { signal: control.signal, report });
  return { control, end, first: await first };
}

const waiting: LegWatch = { signal: new AbortController().signal, report: () => undefined };
const nameOf = ({ processes }: LegEnd): string | undefined => processes.at(-1)?.name;

/** Processes of the fixture program with `mark` as its last argument. */
function alive(mark: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return words[1] === PROGRAM && words.includes(mark);
    } catch {
      return false; // It has ended in the meantime.
    }
  });
}

async function gone(mark: string): Promise<void> {
  while (alive(mark).length > 0) await sleep(50);
}

for (const [exit, outcome] of [
  ['0', 'done'],
  ['65', 'badData'],
  ['70', 'bug'],
] as const) {
  test(`a process that exits ${exit} ends as ${outcome}, with the last line of its log`, async (t) => {
    const end = await executor(t, [exit]).run(leg('a'), waiting);
    t.like(end, { outcome, detail: `exit ${exit}: said before the end` });
    t.regex(nameOf(end) ?? '', /^0{8}-n0-[0-9a-f]{8}$/);
    t.is(end.processes[0]?.exit, Number(exit));
  });
}

test('a process that crashes ends as a bug and names the signal', async (t) => {
  const end = await executor(t, ['crash']).run(leg('a'), waiting);
  t.like(end, { outcome: 'bug', detail: 'signal SIGSEGV' });
});

test('a leg is told its spec and its name, and inherits nothing', async (t) => {
  const path = join(folder(t), 'environment.json');
  const local = executor(t, ['environment', path], { environment: { KDX_S3_BUCKET: 'b' } });
  const end = await local.run(leg('a'), waiting);
  const environment = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
  t.is(environment['KDX_LEG'], digestJson(leg('a')));
  t.is(environment['KDX_PROCESS'], nameOf(end));
  t.is(environment['KDX_S3_BUCKET'], 'b');
  t.is(environment['HOME'], undefined);
});

test('a stopped leg is told by SIGTERM and ends as stopped', async (t) => {
  const { control, end } = await working(executor(t, ['work']));
  control.abort('stop');
  t.is((await end).outcome, 'stopped');
});

test('a leg that does not stop within the grace is killed', async (t) => {
  const { control, end } = await working(executor(t, ['deaf'], { stopGraceSeconds: 0.3 }));
  control.abort('stop');
  t.like(await end, { outcome: 'disrupted', detail: 'signal SIGKILL, overdue after stop' });
});

test('a leg that makes no progress is killed as stalled', async (t) => {
  const local = executor(t, ['silent'], { stallSeconds: 1 });
  t.is((await local.run(leg('a'), waiting)).outcome, 'stalled');
});

test('a second call for a key adopts the process under way and hears its progress', async (t) => {
  const local = executor(t, ['work']);
  const first = await working(local);
  const second = await working(local);
  first.control.abort('stop');
  const name = nameOf(await first.end);
  t.is(nameOf(await second.end), name);
  t.is(name, second.first.process);
});

test('a leg whose caller is gone goes on, for however long, for the one who adopts it', async (t) => {
  const local = executor(t, ['work']);
  const lost = await working(local);
  lost.control.abort('abandon');
  await t.throwsAsync(lost.end, { message: /left to another caller/ });
  await sleep(1500);
  const adopted = await working(local);
  t.is(adopted.first.process, lost.first.process);
  adopted.control.abort('stop');
  t.like(await adopted.end, { outcome: 'stopped', reached: { epoch: 0, step: 7 } });
});

test('the end of a leg that nobody waited for is kept for the one who asks', async (t) => {
  const local = executor(t, ['brief', '300']);
  const lost = await working(local);
  lost.control.abort('abandon');
  await t.throwsAsync(lost.end);
  await sleep(3000);
  const end = await local.run(leg('a'), waiting);
  t.like(end, { outcome: 'bug', detail: 'exit 70' });
  t.is(nameOf(end), lost.first.process);
});

test('what nobody waits for any longer is not started', async (t) => {
  const local = executor(t, ['work'], { slots: { cpu: 1, cuda: 1 } });
  const first = await working(local);
  const control = new AbortController();
  const { signal } = control;
  const second = local.run(leg('b'), { signal, report: () => undefined });
  await sleep(500);
  control.abort('abandon');
  await t.throwsAsync(second);
  first.control.abort('stop');
  await first.end;
  await sleep(500);
  t.like(await local.run(leg('b'), waiting), { outcome: 'stopped', processes: [] });
});

test('a process that nobody waits for holds its slot', async (t) => {
  const local = executor(t, ['work'], { slots: { cpu: 1, cuda: 1 } });
  const orphan = await working(local);
  orphan.control.abort('abandon');
  await t.throwsAsync(orphan.end);
  const next = working(local, 'b');
  t.is(await Promise.race([next, sleep(1500, 'waits')]), 'waits', 'its device is not shared');
  await local.stop(leg('a'));
  const { control, end } = await next;
  control.abort('stop');
  await end;
});

test('a worker watches the leg of another one by its lease, and starts it when that is lost', async (t) => {
  const store = folder(t);
  const [one, two] = [executor(t, ['work'], { store }), executor(t, ['work'], { store })];
  const first = await working(one);
  const second = await working(two);
  t.is(second.first.process, first.first.process, 'it has started none of its own');
  first.control.abort('stop');
  const name = nameOf(await first.end);
  const end = await second.end;
  t.like(end, { outcome: 'stopped', reached: { epoch: 0, step: 7 } });
  t.is(nameOf(end), name);
  t.true(end.deviceSeconds > 0);
  const again = await working(two);
  t.not(again.first.process, name);
  again.control.abort('stop');
  await again.end;
});

test('a leg is stopped by a worker that has never heard of it', async (t) => {
  const store = folder(t);
  const first = await working(executor(t, ['work'], { store }));
  await executor(t, ['work'], { store }).stop(leg('a'));
  t.is((await first.end).outcome, 'stopped');
});

for (const [title, behaviour, log] of [
  ['the tail of the log of a process that was killed is kept', 'killed', 'said before the end\n'],
  ['a log that the process has kept itself is left as it is', 'keeps', 'the whole log'],
] as const) {
  test(title, async (t) => {
    const folderOfStore = folder(t);
    const store = openFolderStore(folderOfStore);
    const changes: Changes = {
      store: folderOfStore,
      keepLogTail: (key, process, readTail) => keepLogTail(store, key, process, readTail),
    };
    const end = await executor(t, [behaviour], changes).run(leg('a'), waiting);
    t.is(end.log, logName(leg('a').key, nameOf(end) ?? ''));
    t.is(new TextDecoder().decode(await store.get(end.log ?? '')), log);
  });
}

test('a program that cannot be started is a matter of configuration', async (t) => {
  const local = executor(t, [], { command: ['/nowhere/node'] });
  await t.throwsAsync(local.run(leg('a'), waiting), {
    code: 'Configuration',
    message: 'cannot start /nowhere/node',
  });
});

/** Starts a worker's process that runs one leg; resolves with the first thing that it says. */
async function host(limits: string, ...parameters: readonly string[]) {
  const command = `${limits}; exec "$0" "$@"`;
  const words = ['-c', command, process.execPath, HOST, PROGRAM, ...parameters];
  const child = spawn('bash', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, said: said.toString().trim() };
}

for (const [title, behaviour] of [
  ['no leg is left when its worker is killed', 'work'],
  ['a leg that hangs ends with its worker', 'hang'],
] as const) {
  test(title, async (t) => {
    const store = folder(t);
    const { child } = await host(':', store, behaviour);
    t.is(alive(store).length, 1);
    child.kill('SIGKILL');
    await gone(store);
    t.deepEqual(alive(store), []);
  });
}

test('a leg that cannot be started for want of descriptors may be started later', async (t) => {
  const { child, said } = await host('ulimit -n 64', folder(t), 'work', 'descriptors');
  child.kill('SIGKILL');
  t.is(said, 'Disrupted');
});
