import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atLeast, VERSIONS } from '../versions.mjs';
import { cached } from './cache.mjs';
import { findProgram, run, SetupError } from './command.mjs';
import { npmEnvironment } from './isolation.mjs';

/** @typedef {import('./progress.mjs').Say} Say */

/**
 * A Node that runs TypeScript by type stripping: the one on the PATH if new enough, else npm's copy
 * of the pinned release.
 * @param {Say} say
 * @returns {Promise<string>} path of the binary
 */
export async function provideNode(say) {
  const found = await suitableNode();
  if (found !== undefined) return found;
  const { package: name, version } = VERSIONS.node;
  const folder = await cached(
    `node-${version}-linux-x64`,
    async (target) => {
      say(`fetching Node ${version} from npm`);
      await unpack(`${name}@${version}`, VERSIONS.node.integrity, target);
    },
    say,
    { attempt: (folder) => run(join(folder, 'bin', 'node'), ['--version']) },
  );
  return join(folder, 'bin', 'node');
}

/**
 * Whether a Node of this version runs the project: it must strip types and suit ava, and the odd
 * releases are dead.
 * @param {string} version
 * @returns {boolean}
 */
export function isSuitable(version) {
  const major = Number(version.split('.')[0]);
  return atLeast(version, VERSIONS.node.minimum) && major % 2 === 0;
}

async function suitableNode() {
  if (isSuitable(process.versions.node)) return process.execPath;
  const node = findProgram('node');
  if (node === undefined) return undefined;
  const version = await run(node, ['-p', 'process.versions.node']);
  return isSuitable(version.trim()) ? node : undefined;
}

/**
 * Fetches one package by `npm pack`, checks its digest, unpacks it.
 * @param {string} spec
 * @param {string} integrity `sha512-<base64>`
 * @param {string} target
 */
async function unpack(spec, integrity, target) {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-pack-'));
  try {
    const args = ['pack', spec, '--json', '--dry-run=false', '--pack-destination', folder];
    const listing = await run('npm', args, { env: npmEnvironment(process.env) });
    const tarball = join(folder, JSON.parse(listing)[0].filename);
    const digest = createHash('sha512')
      .update(await readFile(tarball))
      .digest('base64');
    if (`sha512-${digest}` !== integrity) {
      throw new SetupError(`${spec}: sha512-${digest} came, ${integrity} is pinned`);
    }
    await run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
