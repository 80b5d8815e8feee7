import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { SetupError } from './command.mjs';
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
 * @typedef {object} CacheOptions
 * @property {string} [home]
 * @property {(folder: string) => Promise<unknown>} [attempt] throws where what was built does not run; it
 *   is then built again
 */

/**
 * A folder of the shared cache, built once. It is built under another name and renamed when whole,
 * so that a folder of this name is never half-written; two set-ups at once build it once.
 * @param {string} name holds every version that decides the content
 * @param {(folder: string) => Promise<void>} build fills an empty folder
 * @param {Say} say
 * @param {CacheOptions} [options]
 * @returns {Promise<string>} the folder
 * @throws {SetupError} where the cache cannot be written
 */
export async function cached(name, build, say, { home = cacheHome(), attempt } = {}) {
  const folder = join(home, name);
  if ((await problemOf(folder, attempt)) === undefined) return folder;
  try {
    return await withLock(
      join(home, `.${name}.lock`),
      async () => {
        const problem = await problemOf(folder, attempt);
        if (problem === undefined) return folder;
        if (problem !== ABSENT)
          say(`${name} does not run any more (${problem}): building it again`);
        await replace(home, name, build);
        return folder;
      },
      (pid) => say(`waiting for the set-up of process ${pid}`),
    );
  } catch (error) {
    throw unwritable(error, home);
  }
}

const ABSENT = 'absent';

/**
 * Why a folder cannot be used; undefined when it can. That it was once complete is not enough: the
 * Python behind an environment goes with an upgrade, and caches are tidied up.
 * @param {string} folder
 * @param {CacheOptions['attempt']} attempt
 */
async function problemOf(folder, attempt) {
  if (!existsSync(join(folder, '.complete'))) return ABSENT;
  try {
    await attempt?.(folder);
    return undefined;
  } catch (error) {
    return String(error instanceof Error ? error.message : error).split('\n')[0];
  }
}

/** @param {string} home @param {string} name @param {(folder: string) => Promise<void>} build */
async function replace(home, name, build) {
  await removeRemains(home, name);
  const partial = join(home, `.${name}.partial-${process.pid}`);
  await mkdir(partial, { recursive: true });
  await build(partial);
  await writeFile(join(partial, '.complete'), '');
  // Moved away before it is removed, so that nobody finds half of it.
  await rename(join(home, name), `${partial}-old`).catch(ignoreAbsent);
  await rename(partial, join(home, name));
  await removeRemains(home, name);
}

/** @param {NodeJS.ErrnoException} error */
function ignoreAbsent(error) {
  if (error.code !== 'ENOENT') throw error;
}

/** A folder that cannot be written, in words; any other error as it is. @param {unknown} error @param {string} home */
export function unwritable(error, home) {
  const { code, path } = /** @type {NodeJS.ErrnoException} */ (error);
  // A folder above it where none of the path is there yet.
  if (path === undefined || !(path.startsWith(home) || home.startsWith(path))) return error;
  return new SetupError(
    `${home} cannot be written (${code}): set KDX_CACHE_HOME to a folder of yours with 3 GB free`,
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
