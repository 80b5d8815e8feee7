import test, { type ExecutionContext } from 'ava';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  createLocalExecutor,
  type LocalExecutorOptions,
} from '../../../executors/local/executor.ts';
import type { LegEnd, LegWatch } from '../../../leg/ports.ts';
import type { Progress } from '../../../leg/result.ts';
import { digestJson } from '../../../study/canonical.ts';
import { leg } from '../leg.ts';

const PROGRAM = fileURLToPath(new URL('program.ts', import.meta.url));
const HOST = fileURLToPath(new URL('host.ts', import.meta.url));

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kdx-test-executor-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function executor(
  t: ExecutionContext,
  behaviour: readonly string[],
  changes: Partial<LocalExecutorOptions> = {},
) {
  return createLocalExecutor({
    command: [process.execPath, PROGRAM, ...behaviour],
    environment: {},
    logFolder: folder(t),
    ...changes,
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
    t.regex(nameOf(end) ?? '', /^n0-[0-9a-f]{8}$/);
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

test('a leg whose caller is gone goes on for the one who adopts it', async (t) => {
  const local = executor(t, ['work'], { orphanGraceSeconds: 0.2 });
  const lost = await working(local);
  lost.control.abort('abandon');
  const adopted = await working(local);
  await sleep(600);
  adopted.control.abort('stop');
  t.is(nameOf(await adopted.end), nameOf(await lost.end));
});

test('a leg that nobody adopts is stopped after the grace', async (t) => {
  const lost = await working(executor(t, ['work'], { orphanGraceSeconds: 0.1 }));
  lost.control.abort('abandon');
  t.is((await lost.end).outcome, 'stopped');
});

test('a program that cannot be started is a matter of configuration', async (t) => {
  const local = executor(t, [], { command: ['/nowhere/node'] });
  await t.throwsAsync(local.run(leg('a'), waiting), {
    code: 'Configuration',
    message: 'cannot start /nowhere/node',
  });
});

test('no leg is left when its worker is killed', async (t) => {
  const logs = folder(t);
  const host = spawn(process.execPath, [HOST, PROGRAM, logs], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(host.stdout, 'data');
  t.is(alive(logs).length, 1);
  host.kill('SIGKILL');
  await gone(logs);
  t.deepEqual(alive(logs), []);
});
