import { access, constants, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { VERSIONS } from '../versions.mjs';
import { cached } from './cache.mjs';
import { run, SetupError } from './command.mjs';

/** @typedef {import('./progress.mjs').Say} Say */

/**
 * MinIO built from its pinned Go module: 4 to 5 minutes on two cores, once.
 * @param {Say} say
 * @returns {Promise<string>} path of the binary
 */
export async function provideMinio(say) {
  const { module, version, sum } = VERSIONS.minio;
  const folder = await cached(
    `minio-${version}`,
    async (target) => {
      say('fetching and building MinIO with go: this takes about 5 minutes, once');
      // Outside any module, and the tool chain that MinIO's go.mod asks for may be fetched.
      const cwd = target;
      const listing = JSON.parse(
        await run('go', ['mod', 'download', '-json', `${module}@${version}`], { cwd }),
      );
      if (listing.Sum !== sum) {
        throw new SetupError(`${module}@${version}: ${listing.Sum} came, ${sum} is pinned`);
      }
      const bin = join(target, 'bin');
      await mkdir(bin);
      const env = { GOBIN: bin };
      await run('go', ['install', '-ldflags=-s -w', `${module}@${version}`], { cwd, env });
    },
    say,
    { attempt: (folder) => access(join(folder, 'bin', 'minio'), constants.X_OK) },
  );
  return join(folder, 'bin', 'minio');
}
