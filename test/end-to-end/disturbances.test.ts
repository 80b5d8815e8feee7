import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { liveDigests } from '../../activities/collect.ts';
import { writeEnvironment } from '../../environment/environment.ts';
import type { Result } from '../../leg/result.ts';
import { collectGarbage } from '../../stores/garbage/collect.ts';
import { blobName } from '../../stores/names.ts';
import { listRuns } from '../../stores/runs.ts';
import { DIGITS_MANIFEST, manifestDigest } from '../../study/dataset-manifest.ts';
import { createStack, eventually, pidOf, type TestStack } from '../servers/stack.ts';
import { holdLeg, tidy, trainersOf, type HeldLeg } from './legs.ts';
import { readResults, type ResultFiles } from './results.ts';
import { storeOf, withClients } from './small-study.ts';

/*
 * Servers and workers that hang instead of dying: nothing refuses, nobody answers. Each test runs one
 * brief study on a stack of its own and holds what comes out against an undisturbed run.
 */

const STUDY = join(import.meta.dirname, '../fixtures/brief-study.json');
const SUMMARY = /^brief: 6 trials complete, \d legs run$/m;
/**
 * How long a server hangs: longer than the timeout of a heartbeat and a half. `FROZEN_SECONDS=300` is
 * the long version.
 */
const FROZEN_SECONDS = Number(process.env['FROZEN_SECONDS'] ?? 100);
/** A checkpoint after every step, so that a disturbance always finds one. */
const VARIABLES = { KDX_CHECKPOINT_SECONDS: '0', KDX_LEG_SLOTS: '1' };

/** They have no name in a store. */
const DIGITS_BLOBS = [
  manifestDigest(DIGITS_MANIFEST),
  ...DIGITS_MANIFEST.files.map(({ digest }) => digest),
].map(blobName);

let reference: ResultFiles;

test.before(async (t) => {
  await onStack(async (stack) => {
    const { exitCode, stderr } = await stack.kdx('study', STUDY);
    t.is(exitCode, 0, stderr);
    reference = await readResults(await storeOf(stack));
  });
});

async function onStack(body: (stack: TestStack) => Promise<void>): Promise<void> {
  const stack = await createStack(VARIABLES);
  try {
    await stack.kdx('up', '--detach');
    await body(stack);
  } finally {
    await tidy(stack);
  }
}

/** The study's end: the bytes of the undisturbed run, one process a key, and nothing left. */
async function endedAlike(
  t: ExecutionContext,
  stack: TestStack,
  watching: ReturnType<TestStack['kdx']>,
): Promise<void> {
  const { exitCode, stdout, stderr } = await watching;
  t.is(exitCode, 0, stderr);
  t.regex(stdout, SUMMARY);
  t.deepEqual(await trainersOf(stack), []);
  const store = await storeOf(stack);
  t.deepEqual(await readResults(store), reference);
}

/** How often each result's key was begun, and in which launch it was done. */
async function processesOf(stack: TestStack): Promise<readonly (readonly [string, number])[]> {
  const store = await storeOf(stack);
  const names = await store.list('results/');
  return Promise.all(
    names.map(async (name) => {
      const { key, spec } = (await store.getJson(name)) as Result;
      return [spec.kind, (await listRuns(store, key)).length] as const;
    }),
  );
}

async function everyLegOnce(t: ExecutionContext, stack: TestStack): Promise<void> {
  for (const [kind, processes] of await processesOf(stack)) t.is(processes, 1, kind);
}

function heldLeg(stack: TestStack, isWanted?: Parameters<typeof holdLeg>[2]): Promise<HeldLeg> {
  return eventually('a leg is in mid-training', async () =>
    holdLeg(stack, await storeOf(stack), isWanted),
  );
}

// Both at once: hanging takes time and nothing else.
for (const server of ['temporal', 's3'] as const) {
  test(`a study goes on after ${server} has hung: no leg is lost or begun twice`, async (t) => {
    await onStack(async (stack) => {
      const watching = stack.kdx('study', STUDY);
      const held = await heldLeg(stack);
      const pid = pidOf(await stack.status(), server);
      process.kill(pid, 'SIGSTOP');
      try {
        held.release();
        await sleep(FROZEN_SECONDS * 1000);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      await endedAlike(t, stack, watching);
      await everyLegOnce(t, stack);
      for (const { name, restarts } of (await stack.status()).services) t.is(restarts, 0, name);
    });
  });
}

/** What processes that died have left goes; what results name stays, and verifies. */
async function collectedWhole(t: ExecutionContext, stack: TestStack): Promise<void> {
  await withClients(stack, async (client, store) => {
    const later = Date.now() + 3_600_000;
    const options = { dryRun: false, before: later, unfinishedBefore: later };
    await collectGarbage(store, liveDigests(client), options);
    t.deepEqual(await readResults(store), reference);
    for (const prefix of ['progress/', 'checkpoints/']) t.deepEqual(await store.list(prefix), []);
    const named = [...Object.keys(await readResults(store)), ...DIGITS_BLOBS];
    const results = Object.values(await readResults(store)).join('\n');
    for (const name of await store.list('blobs/')) {
      const isNamed = named.includes(name) || results.includes(name.slice('blobs/'.length));
      const text = Buffer.from((await store.get(name)) ?? []).toString('latin1', 0, 200);
      t.true(isNamed, `${name} is named by a result: ${text}`);
    }
  });
  const { exitCode, stdout } = await stack.kdx('verify', STUDY);
  t.is(exitCode, 0, stdout);
}

/** A second worker on the servers of a stack, as another host would run one. */
async function startWorker(stack: TestStack): Promise<ChildProcess> {
  const environment = { ...(await stack.environment()), stateDir: join(stack.home, 'second') };
  const program = join(import.meta.dirname, '../../bin/worker.ts');
  const { PATH, HOME } = process.env;
  const worker = spawn(process.execPath, [program], {
    env: { PATH, HOME, ...VARIABLES, ...writeEnvironment(environment) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(worker.stdout, 'data');
  return worker;
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

test.serial(
  'of two workers one is frozen and one is killed: every result is there once',
  async (t) => {
    await onStack(async (stack) => {
      const second = await startWorker(stack);
      try {
        const watching = stack.kdx('study', STUDY);
        // One whose watcher hangs: it trains on, and whoever takes its activity up finds its lease.
        const frozen = await heldLeg(stack, ({ trial }) => trial === 'teacher/resnet8');
        const watcher = parentOf(frozen.pid);
        process.kill(watcher, 'SIGSTOP');
        frozen.release();
        await eventually('the frozen worker’s leg has ended', async () => {
          const runs = await listRuns(await storeOf(stack), frozen.leg.key);
          return runs.some(({ outcome }) => outcome === 'done');
        });
        const killed = await heldLeg(stack);
        process.kill(watcher, 'SIGCONT');
        killed.release();
        process.kill(parentOf(killed.pid), 'SIGKILL');
        await endedAlike(t, stack, watching);
        const runs = await listRuns(await storeOf(stack), frozen.leg.key);
        t.is(runs.length, 1);
        await collectedWhole(t, stack);
      } finally {
        second.kill('SIGCONT');
        second.kill('SIGKILL');
      }
    });
  },
);
