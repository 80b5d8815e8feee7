import { createHash } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SetupError } from './command.mjs';

/**
 * Where the programs of this checkout are; `stack/toolchain.ts` reads it.
 * @typedef {object} Toolchain
 * @property {string} node
 * @property {string} python
 * @property {string} temporal
 * @property {string} temporalTestServer
 * @property {string} weed
 * @property {string} [minio]
 * @property {'cpu' | 'gpu'} flavour
 * @property {string} inputs digest of everything that decides what is installed
 */

/** @param {string} root */
const recordOf = (root) => join(root, '.kdx', 'toolchain.json');

/**
 * The record of the last set-up, when all it names is still there and this user may run it.
 * @param {string} root
 * @returns {Promise<Toolchain | undefined>}
 */
export async function readToolchain(root) {
  try {
    /** @type {Toolchain} */
    const toolchain = JSON.parse(await readFile(recordOf(root), 'utf8'));
    const { inputs: _inputs, flavour: _flavour, ...programs } = toolchain;
    return Object.values(programs).every(isProgram) ? toolchain : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether this user may set a checkout up.
 * @param {string} root
 * @returns {Promise<boolean>}
 */
export async function isWritable(root) {
  const check = (/** @type {string} */ path) => access(path, constants.W_OK);
  try {
    await check(join(root, '.kdx')).catch((error) => {
      if (error.code !== 'ENOENT') throw error;
      return check(root);
    });
    return true;
  } catch {
    return false;
  }
}

/**
 * What another user has set up, for one who may only read it.
 * @param {string} root
 * @param {Toolchain | undefined} toolchain
 * @param {string} inputs
 * @returns {Toolchain}
 * @throws {SetupError} where it is not set up, or with programs that this user may not run
 */
export function othersToolchain(root, toolchain, inputs) {
  if (toolchain?.inputs === inputs) return toolchain;
  throw new SetupError(
    `${root} is another user's, and is not set up for you: clone it into a folder of yours, or let its ` +
      'owner run npm run setup with KDX_CACHE_HOME set to a folder that you may read',
  );
}

/**
 * @param {string} root
 * @param {Toolchain} toolchain
 */
export async function writeToolchain(root, toolchain) {
  const path = recordOf(root);
  await mkdir(join(root, '.kdx'), { recursive: true });
  await writeFile(`${path}.new`, `${JSON.stringify(toolchain, null, 2)}\n`);
  await rename(`${path}.new`, path);
}

/**
 * @param {string} root
 * @returns {Promise<string>}
 */
export async function digestOfInputs(root) {
  const here = fileURLToPath(new URL('..', import.meta.url));
  const inputs = [
    join(root, 'package-lock.json'),
    join(here, 'versions.mjs'),
    join(here, 'python', 'stack.txt'),
    join(here, 'python', 'cuda.txt'),
  ];
  const digest = createHash('sha256');
  for (const path of inputs) digest.update(await readFile(path)).update('\0');
  return digest.digest('hex');
}
