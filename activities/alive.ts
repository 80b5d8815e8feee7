import { Context } from '@temporalio/activity';

const HEARTBEAT_MILLISECONDS = 10_000;

/** Sends heartbeats while `work` goes on, so that a worker that is gone is noticed within a minute. */
export async function alive<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  context.heartbeat();
  const timer = setInterval(() => context.heartbeat(), HEARTBEAT_MILLISECONDS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
