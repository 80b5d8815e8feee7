import { setTimeout as sleep } from 'node:timers/promises';
import { lockHolder, takeLock } from './lock.ts';
import type { StackLock } from './lock.ts';
import type { Layout } from './layout.ts';
import { readRunning } from './record.ts';
import type { StackRecord } from './record.ts';
import { takenPorts } from './settings.ts';
import { startStack } from './stack.ts';
import type { Stack } from './stack.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const POLL_MILLISECONDS = 100;

/** A port is looked at before a server takes it, so another program may be faster; not every time. */
const STARTS = 3;

/** What to do with a stack, whichever process supervises it. */
export type Use = {
  /** On a stack of this process; it is stopped afterwards. */
  own(stack: Stack, signal: AbortSignal): Promise<void>;
  /** On a stack that another process brought up; it is left as it is. */
  joined(record: StackRecord): Promise<void>;
};

/**
 * Joins the stack that runs or comes up in a folder; where there is none, starts one, uses it once
 * studies can run, and stops it whatever happens. A signal aborts the use; a second one ends this process
 * at once, and the servers die with it.
 *
 * @throws KdxError `Configuration` where a server does not become ready
 */
export async function withStack(layout: Layout, use: Use): Promise<void> {
  const taken = await joinOrLock(layout);
  if ('pid' in taken) return use.joined(taken);
  const interrupted = new AbortController();
  const onSignal = (): void => {
    if (interrupted.signal.aborted) process.exit(130);
    interrupted.abort();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    const stack = await bringUp(layout, interrupted.signal);
    try {
      if (!interrupted.signal.aborted) await use.own(stack, interrupted.signal);
    } finally {
      process.stderr.write('stopping the servers …\n');
      await stack.stop();
    }
  } finally {
    taken.release();
    for (const signal of SIGNALS) process.off(signal, onSignal);
    // Whoever still waits for an interruption would keep this process alive.
    interrupted.abort();
  }
}

/** The record of the stack that another process runs or brings up, or the right to start one. */
async function joinOrLock(layout: Layout): Promise<StackRecord | StackLock> {
  for (let told = false; ; told = true) {
    const lock = await takeLock(layout.home);
    if (lock !== undefined) return lock;
    const record = await whileHeld(layout, (pid) => {
      if (!told) process.stderr.write(`waiting for the stack that process ${pid} brings up …\n`);
    });
    if (record !== undefined) return record;
  }
}

/** The record of the lock's holder once studies can run there; undefined when it gives up the lock. */
async function whileHeld(
  layout: Layout,
  onWait: (pid: number | undefined) => void,
): Promise<StackRecord | undefined> {
  const holder = await lockHolder(layout.home);
  if (holder === undefined) return undefined;
  try {
    let isReleased = false;
    void holder.released.then(() => (isReleased = true));
    for (let waited = false; !isReleased; waited = true) {
      const record = await readRunning(layout);
      if (record?.working === true) return record;
      if (!waited) onWait(holder.pid);
      await Promise.race([sleep(POLL_MILLISECONDS), holder.released]);
    }
    return undefined;
  } finally {
    holder.forget();
  }
}

/**
 * Starts a stack and waits until studies can run, or the signal is aborted. Where it cannot come up
 * because a port was taken meanwhile, it is started again on others.
 */
async function bringUp(layout: Layout, signal: AbortSignal, starts = STARTS): Promise<Stack> {
  const stack = await startStack(layout, process.env);
  try {
    await Promise.race([stack.working, whenAborted(signal)]);
    return stack;
  } catch (error) {
    process.stderr.write('stopping the servers …\n');
    await stack.stop();
    const taken = await takenPorts(layout);
    if (starts === 1 || taken.length === 0) throw error;
    process.stderr.write(`port ${taken.join(', ')} was taken meanwhile; starting on others …\n`);
    return bringUp(layout, signal, starts - 1);
  }
}

/** Resolves when the signal is aborted; keeps the process alive until then. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const alive = setInterval(() => {}, 2 ** 30);
    signal.addEventListener('abort', () => {
      clearInterval(alive);
      resolve();
    });
  });
}
