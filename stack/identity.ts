import { readFileSync } from 'node:fs';

/** Names one process for good: pids come round again, a pid with its start does not. */
export type Identity = { readonly pid: number; readonly startTicks: string };

/** The identity of a process that runs, or undefined when there is none of that pid (or a zombie). */
export function identityOf(pid: number): Identity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The second field, the command's name, may hold blanks and brackets: count after the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTicks] = [fields[0], fields[19]];
  return state === 'Z' || startTicks === undefined ? undefined : { pid, startTicks };
}

/** Whether that very process still runs. */
export function isAlive(identity: Identity): boolean {
  return identityOf(identity.pid)?.startTicks === identity.startTicks;
}

/** Whether any process of that group still runs. */
export function isGroupAlive(pgid: number): boolean {
  return trySignal(-pgid, 0);
}

/** Sends a signal to a process, or with a negative pid to its group; false when there is none. */
export function trySignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
