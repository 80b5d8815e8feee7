import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { withLock } from './lock.mjs';

/** @typedef {import('./progress.mjs').Say} Say */

/**
 * Where the big parts lie, shared by every checkout of this user.
 * @returns {string}
 */
export function cacheHome() {
  return process.env.KDX_CACHE_HOME ?? join(homedir(), '.cache', 'kdexplainer');
}

/**
 * A folder of the shared cache, built once. It is built under another name and renamed when whole,
 * so that a folder of this name is never half-written; two set-ups at once build it once.
 * @param {string} name holds every version that decides the content
 * @param {(folder: string) => Promise<void>} build fills an empty folder
 * @param {Say} say
 * @param {string} [home]
 * @returns {Promise<string>} the folder
 */
export async function cached(name, build, say, home = cacheHome()) {
  const folder = join(home, name);
  const whole = join(folder, '.complete');
  if (existsSync(whole)) return folder;
  return withLock(
    join(home, `.${name}.lock`),
    async () => {
      if (existsSync(whole)) return folder;
      await removeRemains(home, name);
      const partial = join(home, `.${name}.partial-${process.pid}`);
      await mkdir(partial, { recursive: true });
      await build(partial);
      await writeFile(join(partial, '.complete'), '');
      await rm(folder, { recursive: true, force: true });
      await rename(partial, folder);
      return folder;
    },
    (pid) => say(`waiting for the set-up of process ${pid}`),
  );
}

/**
 * Removes what an interrupted build left; the caller holds the lock.
 * @param {string} home
 * @param {string} name
 */
async function removeRemains(home, name) {
  const names = await readdir(home);
  const remains = names.filter((other) => other.startsWith(`.${name}.partial-`));
  await Promise.all(remains.map((other) => rm(join(home, other), { recursive: true })));
}
