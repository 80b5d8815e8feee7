/** A bound on how many processes run at once. */
export type Slots = {
  /** Resolves when a slot is free, with the function that frees it again. Rejects when aborted. */
  take(signal: AbortSignal): Promise<() => void>;
};

/**
 * Slots for processes. A worker's activity slots do not bound them: while Temporal is away, the process
 * of an activity that was given up goes on and holds its device, and its activity slot is free.
 */
export function createSlots(count: number): Slots {
  let free = count;
  const waiting: (() => void)[] = [];
  const release = (): void => {
    free += 1;
    waiting.shift()?.();
  };
  const taken = (): (() => void) => {
    free -= 1;
    let released = false;
    return () => {
      if (!released) release();
      released = true;
    };
  };
  return {
    take: async (signal) => {
      signal.throwIfAborted();
      while (free <= 0) await turn(waiting, signal);
      return taken();
    },
  };
}

function turn(waiting: (() => void)[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      waiting.splice(waiting.indexOf(go), 1);
      reject(signal.reason as Error);
    };
    const go = (): void => {
      signal.removeEventListener('abort', leave);
      resolve();
    };
    signal.addEventListener('abort', leave, { once: true });
    waiting.push(go);
  });
}
