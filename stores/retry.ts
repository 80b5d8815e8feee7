import { setTimeout as sleep } from 'node:timers/promises';

const FIRST_DELAY_MILLISECONDS = 100;
const MAX_DELAY_MILLISECONDS = 3_000;

/** How often and for how long a failing operation is tried. */
export type Retrying = {
  /** The last try begins no later than this after the first; 0 tries once. */
  readonly retrySeconds: number;
  /** Whether the same try could succeed later. */
  readonly isTransient: (error: unknown) => boolean;
};

/**
 * Tries an operation until it succeeds, fails for good, or has failed for `retrySeconds`; then throws
 * the last error as it came. Delays grow by two, with jitter so that many legs do not return at once.
 */
export async function retry<Value>(
  operation: () => Promise<Value>,
  { retrySeconds, isTransient }: Retrying,
): Promise<Value> {
  const deadline = performance.now() + retrySeconds * 1000;
  for (let attempt = 0; ; attempt++) {
    try {
      return await operation();
    } catch (error) {
      const longest = Math.min(MAX_DELAY_MILLISECONDS, FIRST_DELAY_MILLISECONDS * 2 ** attempt);
      const delay = longest * (0.5 + Math.random() / 2);
      if (!isTransient(error) || performance.now() + delay > deadline) throw error;
      await sleep(delay);
    }
  }
}
