import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

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
 * The record of the last set-up, when all it names is still there.
 * @param {string} root
 * @returns {Promise<Toolchain | undefined>}
 */
export async function readToolchain(root) {
  try {
    /** @type {Toolchain} */
    const toolchain = JSON.parse(await readFile(recordOf(root), 'utf8'));
    const { inputs: _inputs, flavour: _flavour, ...programs } = toolchain;
    return Object.values(programs).every((path) => existsSync(path)) ? toolchain : undefined;
  } catch {
    return undefined;
  }
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
