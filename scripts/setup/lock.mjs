import { mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MILLISECONDS = 300;
/** A removal takes milliseconds; one older than this died in its middle. */
const REMOVAL_MILLISECONDS = 10_000;

/**
 * When a process began, in clock ticks since boot: with its pid this names one process for good,
 * because pids come round again. Undefined when there is no such process.
 * @param {number} pid
 * @returns {Promise<string | undefined>}
 */
export async function startTicks(pid) {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field, the command's name, may hold blanks and brackets: count after the last one.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** @param {string} path */
async function holderOf(path) {
  const text = await readFile(path, 'utf8').catch(() => '');
  const [pid, ticks] = text.split(' ');
  // An empty file is a holder that has not yet written its name.
  return text === '' ? undefined : { pid: Number(pid), ticks };
}

/** @param {string} path */
async function take(path) {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(`${process.pid} ${await startTicks(process.pid)}`);
    await file.close();
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/** @param {{ pid: number, ticks: string | undefined }} holder */
async function isAlive(holder) {
  return (await startTicks(holder.pid)) === holder.ticks;
}

/**
 * Removes a dead holder's lock, one remover at a time: else a second remover, having looked before
 * the first removed, would remove the lock taken since.
 * @param {string} path
 */
async function removeDead(path) {
  const guard = `${path}.removal`;
  if (!(await take(guard))) {
    const { mtimeMs } = await stat(guard).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > REMOVAL_MILLISECONDS) await rm(guard, { force: true });
    await sleep(POLL_MILLISECONDS);
    return;
  }
  try {
    const holder = await holderOf(path);
    if (holder !== undefined && !(await isAlive(holder))) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

/**
 * Runs `work` while no other process on this machine holds `path`. A lock whose holder is dead is
 * taken over.
 * @template T
 * @param {string} path
 * @param {() => Promise<T>} work
 * @param {(pid: number) => void} [onWait] told once, when another process holds the lock
 * @returns {Promise<T>}
 */
export async function withLock(path, work, onWait = () => {}) {
  await mkdir(dirname(path), { recursive: true });
  let told = false;
  while (!(await take(path))) {
    const holder = await holderOf(path);
    if (holder !== undefined && !(await isAlive(holder))) {
      await removeDead(path);
      continue;
    }
    if (holder !== undefined && !told) onWait(holder.pid);
    told ||= holder !== undefined;
    await sleep(POLL_MILLISECONDS);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}
