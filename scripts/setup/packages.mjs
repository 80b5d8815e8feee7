import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, SetupError } from './command.mjs';
import { NPM_CI, npmEnvironment } from './isolation.mjs';
import { withLock } from './lock.mjs';
import { processesOf } from './processes.mjs';

/** @typedef {import('./progress.mjs').Say} Say */
/** @typedef {{ integrity?: string, version?: string, link?: boolean, optional?: boolean, devOptional?: boolean, peer?: boolean, os?: string[], cpu?: string[], libc?: string[] }} LockEntry */
/** @typedef {{ packages?: Record<string, LockEntry> }} Lockfile */

/**
 * Installs node_modules from package-lock.json unless it already holds exactly that. Install scripts
 * never run: the one native part is built by `tensorflow.mjs`.
 * @param {string} root
 * @param {Say} say
 * @throws {SetupError} where processes use a node_modules that would have to be replaced, or npm leaves
 *   packages out
 */
export async function providePackages(root, say) {
  if ((await absentPackages(root)).length === 0) return;
  await withLock(
    join(root, '.kdx', 'packages.lock'),
    async () => {
      if ((await absentPackages(root)).length === 0) return;
      await checkUnused(root);
      say('npm ci');
      await run('npm', NPM_CI, { cwd: root, env: npmEnvironment(process.env) });
      await rememberLeftOut(root, await absentPackages(root));
    },
    (pid) => say(`waiting for the npm ci of process ${pid}`),
  );
}

/**
 * npm ci deletes node_modules first: a process that runs would find its next module gone.
 * @param {string} root
 */
async function checkUnused(root) {
  if ((await readLock(join(root, 'node_modules', '.package-lock.json'))) === undefined) return;
  const pids = await processesOf(root);
  if (pids.length === 0) return;
  throw new SetupError(
    `node_modules is not what package-lock.json asks for, and is in use by process ${pids.join(', ')}: ` +
      'end it first (npm run kdx -- down ends the servers), then npm run setup',
  );
}

/**
 * Packages that npm itself leaves out, for instance because they do not suit its Node, are not asked for
 * again at every command. Only optional ones may be left out.
 * @param {string} root
 * @param {readonly string[]} absent
 */
async function rememberLeftOut(root, absent) {
  const wanted = (await readLock(join(root, 'package-lock.json')))?.packages ?? {};
  const needed = absent.filter((path) => !isOptional(wanted[path]));
  if (needed.length > 0) {
    const names = needed.slice(0, 3).join(', ');
    throw new SetupError(
      `npm ci left out ${needed.length} packages (${names} …): see npm config ls`,
    );
  }
  const text = JSON.stringify({ lock: await digestOfLock(root), leftOut: absent });
  await writeFile(join(root, '.kdx', 'packages.json'), text);
}

/** Places of the lock file whose package is not installed, but for those that npm left out. @param {string} root */
async function absentPackages(root) {
  const wanted = await readLock(join(root, 'package-lock.json'));
  const present = await readLock(join(root, 'node_modules', '.package-lock.json'));
  const absent = absentOf(wanted ?? {}, present ?? {});
  if (absent.length === 0) return absent;
  /** @type {{ lock?: string, leftOut?: string[] } | undefined} */
  const memory = await readJson(join(root, '.kdx', 'packages.json'));
  if (memory?.lock !== (await digestOfLock(root))) return absent;
  return absent.filter((path) => !memory?.leftOut?.includes(path));
}

/**
 * What npm's record of node_modules lacks of the lock file, or has at another digest. Packages for other
 * platforms may be absent.
 * @param {Lockfile} wanted
 * @param {Lockfile} present
 * @returns {readonly string[]}
 */
export function absentOf(wanted, present) {
  const installed = present.packages ?? {};
  const places = Object.entries(wanted.packages ?? {}).filter(([path, entry]) => {
    if (path === '' || entry.link) return false;
    const other = installed[path];
    if (other === undefined) return !isOptional(entry) || suitsThisPlatform(entry);
    return other.version !== entry.version || other.integrity !== entry.integrity;
  });
  return places.map(([path]) => path);
}

/** @param {LockEntry | undefined} entry */
function isOptional(entry) {
  return entry?.optional === true || entry?.devOptional === true;
}

/** @param {LockEntry} entry */
function suitsThisPlatform({ os, cpu, libc }) {
  const suits = (/** @type {string[] | undefined} */ list, /** @type {string} */ own) =>
    list === undefined || list.includes(own);
  // One that names no platform is the optional part of a package of another platform.
  return os !== undefined && suits(os, 'linux') && suits(cpu, 'x64') && suits(libc, 'glibc');
}

/** @param {string} root */
async function digestOfLock(root) {
  return createHash('sha256')
    .update(await readFile(join(root, 'package-lock.json')))
    .digest('hex');
}

/** @param {string} path @returns {Promise<Lockfile | undefined>} */
const readLock = (path) => readJson(path);

/** The parsed file, or undefined where it is missing or cut short. @param {string} path */
async function readJson(path) {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}
