import type { Layout } from './layout.ts';
import { takenPorts } from './settings.ts';
import { startStack } from './stack.ts';
import type { Stack } from './stack.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A port is looked at before a server takes it, so another program may be faster; not every time. */
const STARTS = 3;

/**
 * Starts a stack and waits until studies can run, or the signal is aborted. Where it cannot come up
 * because a port was taken meanwhile, it is started again on others.
 *
 * @throws KdxError `Configuration` where a server does not become ready
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

/**
 * Starts a stack, does `work` once studies can run, and stops the stack whatever happens. A signal aborts
 * the work; a second one ends this process at once, and the servers die with it.
 */
export async function withStack(
  layout: Layout,
  work: (stack: Stack, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const interrupted = new AbortController();
  const onSignal = (): void => {
    if (interrupted.signal.aborted) process.exit(130);
    interrupted.abort();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    const stack = await bringUp(layout, interrupted.signal);
    try {
      if (!interrupted.signal.aborted) await work(stack, interrupted.signal);
    } finally {
      process.stderr.write('stopping the servers …\n');
      await stack.stop();
    }
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    // Whoever still waits for an interruption would keep this process alive.
    interrupted.abort();
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
