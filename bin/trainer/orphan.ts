import { Worker } from 'node:worker_threads';

/** A step, a checkpoint and its upload usually fit into it. */
const GRACE_SECONDS = 30;

/**
 * An orphan gets another parent: the system's first process, or one that reaps for it. Plain JavaScript,
 * so that the thread need not load what strips types.
 */
const WATCH = `
const { workerData: { parent, graceSeconds } } = require('node:worker_threads');
const timer = setInterval(() => {
  if (process.ppid === parent) return;
  clearInterval(timer);
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), graceSeconds * 1000);
}, 1000);
`;

/**
 * Ends this process when its parent has been dead for longer than a grace. The main thread learns of
 * that by its channel and writes a checkpoint, but not while it hangs in native code: so a thread watches.
 * Without a channel to a parent, as in a pod, there is nothing to watch.
 */
export function watchParent(graceSeconds = GRACE_SECONDS): void {
  if (!process.connected) return;
  const workerData = { parent: process.ppid, graceSeconds };
  new Worker(WATCH, { eval: true, workerData }).unref();
}
