import { readdir, readFile, readlink } from 'node:fs/promises';
import { resolve } from 'node:path';

/** Programs of a checkout that hold its node_modules open, wherever they are started from. */
const PROGRAMS = ['bin', 'bench', 'node_modules'];

/**
 * Processes that run a program of this checkout. Those that do not need its packages (set-up, the
 * launchers of `scripts/`) are left out.
 * @param {string} root
 * @returns {Promise<readonly number[]>}
 */
export async function processesOf(root) {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const using = await Promise.all(pids.map((pid) => uses(pid, root)));
  return pids.filter((pid, index) => using[index] === true && pid !== process.pid);
}

/** @param {number} pid @param {string} root */
async function uses(pid, root) {
  try {
    const [command, folder] = await Promise.all([
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
      readlink(`/proc/${pid}/cwd`),
    ]);
    const words = command.split('\0').filter((word) => word !== '' && !word.startsWith('-'));
    return words.some((word) =>
      PROGRAMS.some((program) => resolve(folder, word).startsWith(`${root}/${program}/`)),
    );
  } catch {
    return false; // It has ended, or is another user's.
  }
}
