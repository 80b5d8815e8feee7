import type { Layout } from './layout.ts';
import { startStack } from './stack.ts';
import type { Stack } from './stack.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

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
    const stack = await startStack(layout, process.env);
    try {
      const aborted = whenAborted(interrupted.signal);
      await Promise.race([stack.working, aborted]);
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
