import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.mjs';
import { withLock } from './lock.mjs';

/** @typedef {import('./progress.mjs').Say} Say */
/** @typedef {{ integrity?: string, version?: string, link?: boolean, optional?: boolean, devOptional?: boolean, peer?: boolean }} LockEntry */
/** @typedef {{ packages?: Record<string, LockEntry> }} Lockfile */

/**
 * Installs node_modules from package-lock.json unless it already holds exactly that. Install scripts
 * never run: the one native part is built by `tensorflow.mjs`.
 * @param {string} root
 * @param {Say} say
 */
export async function providePackages(root, say) {
  await withLock(
    join(root, '.kdx', 'packages.lock'),
    async () => {
      if (await isInstalled(root)) return;
      say('npm ci');
      await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: root });
    },
    (pid) => say(`waiting for the npm ci of process ${pid}`),
  );
}

/** @param {string} root */
async function isInstalled(root) {
  const wanted = await readLock(join(root, 'package-lock.json'));
  const present = await readLock(join(root, 'node_modules', '.package-lock.json'));
  return wanted !== undefined && present !== undefined && satisfies(wanted, present);
}

/**
 * Whether npm's record of node_modules holds every package of the lock file, at its digest. Packages
 * for other platforms are optional and may be absent.
 * @param {Lockfile} wanted
 * @param {Lockfile} present
 * @returns {boolean}
 */
export function satisfies(wanted, present) {
  const installed = present.packages ?? {};
  return Object.entries(wanted.packages ?? {}).every(([path, entry]) => {
    if (path === '' || entry.link) return true;
    const other = installed[path];
    if (other === undefined) return entry.optional === true || entry.devOptional === true;
    return other.version === entry.version && other.integrity === entry.integrity;
  });
}

/**
 * @param {string} path
 * @returns {Promise<Lockfile | undefined>}
 */
async function readLock(path) {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}
