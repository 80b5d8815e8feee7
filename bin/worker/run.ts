/** What running needs of a worker. */
type Runnable = {
  run(): Promise<void>;
  shutdown(): void;
  getState(): string;
};

/**
 * Runs workers until all have stopped. When one fails, the others are shut down, so that nothing uses
 * the connection any more when the caller closes it.
 *
 * @throws what the first of them failed with
 */
export async function runWorkers(workers: readonly Runnable[]): Promise<void> {
  const runs = workers.map((worker) => worker.run());
  const first = Promise.all(runs);
  try {
    await first;
  } catch (error) {
    for (const worker of workers) {
      if (worker.getState() === 'RUNNING') worker.shutdown();
    }
    await Promise.allSettled(runs);
    throw error;
  }
}

/**
 * Does `body`, then closes. A failure to close is reported unless `body` has failed before: then it
 * follows from that.
 */
export async function thenClose<T>(body: () => Promise<T>, close: () => Promise<void>): Promise<T> {
  let value: T;
  try {
    value = await body();
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
  await close();
  return value;
}
