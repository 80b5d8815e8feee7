#!/usr/bin/env node
// Installs everything the project needs, from nothing but Node ≥ 20, npm, Python 3 with pip and a
// C++ compiler. Safe to run again at any time: what is there is kept, what is half-done goes on.
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { findProgram, run, SetupError } from './setup/command.mjs';
import { provideKernels } from './setup/kernels.mjs';
import { provideMinio } from './setup/minio.mjs';
import { provideNode } from './setup/node.mjs';
import { providePackages } from './setup/packages.mjs';
import { checkPath, checkPlatform, checkTools, thisMachine } from './setup/platform.mjs';
import { fileProblem } from '../environment/file-problem.mjs';
import { voice } from './setup/progress.mjs';
import { provideServers } from './setup/python.mjs';
import { checkTensorflow, provideBinding, provideLibtensorflow } from './setup/tensorflow.mjs';
import {
  digestOfInputs,
  isWritable,
  othersToolchain,
  readToolchain,
  writeToolchain,
} from './setup/toolchain.mjs';

/** @typedef {import('./setup/toolchain.mjs').Toolchain} Toolchain */
/** @typedef {{ root: string, gpu: boolean, minio: boolean, thorough?: boolean }} Options */

export const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

const USAGE = `usage: node scripts/setup.mjs [--minio] [--gpu]

  --minio  also build MinIO (needs Go; 5 minutes, once); KDX_S3=minio asks for it too
  --gpu    libtensorflow for CUDA 12 with its libraries (3 GB) instead of the CPU build

Big parts go to $KDX_CACHE_HOME (default ~/.cache/kdexplainer) and are shared by all checkouts.`;

/**
 * Brings node_modules, libtensorflow, the servers and, where asked for, MinIO into being.
 * @param {Options} options
 * @returns {Promise<Toolchain>}
 * @throws {SetupError} in words for the user
 */
export async function setUp(options) {
  const { root } = options;
  checkPlatform(thisMachine());
  checkPath(root);
  const before = await readToolchain(root);
  const inputs = await digestOfInputs(root);
  if (!(await isWritable(root))) return othersToolchain(root, before, inputs);
  const minio = findProgram('minio');
  const build = minio === undefined && options.minio;
  if (before?.inputs !== inputs || (build && before.minio === undefined)) {
    await checkTools({ compiler: true, go: build });
  }
  const nodeReady = provideNode(voice('node'));
  const [node, servers, built] = await Promise.all([
    nodeReady,
    provideServers(voice('servers')),
    build ? provideMinio(voice('minio')) : before?.minio,
    provideLearning(options, nodeReady, options.thorough === true || before?.inputs !== inputs),
  ]);
  if (options.thorough === true) await writeCodeIndex(root, node);
  const storage = minio ?? built;
  /** @type {Toolchain} */
  const toolchain = {
    node,
    python: join(servers, 'bin', 'python'),
    temporal: findProgram('temporal') ?? join(servers, 'bin', 'temporal'),
    temporalTestServer: join(servers, 'bin', 'temporal-test-server'),
    weed: join(servers, 'bin', 'weed'),
    ...(storage === undefined ? {} : { minio: storage }),
    flavour: options.gpu ? 'gpu' : 'cpu',
    inputs,
  };
  if (!isDeepStrictEqual(toolchain, before)) await writeToolchain(root, toolchain);
  return toolchain;
}

/**
 * Where the checkout is used read-only, `kdx up` cannot write it.
 * @param {string} root
 * @param {string} node
 */
async function writeCodeIndex(root, node) {
  const program = `
    import { refreshCodeIndex } from './stack/code-index.ts';
    await refreshCodeIndex();`;
  await run(node, ['--input-type=module', '-e', program], { cwd: root });
}

/**
 * node_modules with its native parts.
 * @param {Options} options
 * @param {Promise<string>} nodeReady
 * @param {boolean} thorough whether it is tried out even where nothing was replaced
 */
async function provideLearning({ root, gpu }, nodeReady, thorough) {
  const flavour = gpu ? 'gpu' : 'cpu';
  const say = voice('tensorflow');
  const [library, node] = await Promise.all([
    provideLibtensorflow(flavour, say),
    nodeReady,
    providePackages(root, voice('packages')),
  ]);
  const replaced = await Promise.all([
    provideBinding(root, flavour, library, say),
    provideKernels(root, library, say),
  ]);
  if (replaced.includes(true) || thorough) say(await checkTensorflow(root, node));
}

/**
 * Runs set-up for a program; on failure says why in plain words and ends the process with 1.
 * @param {Partial<Options>} [options]
 * @returns {Promise<Toolchain>}
 */
export async function setUpOrExit(options = {}) {
  const minio = options.minio ?? process.env.KDX_S3 === 'minio';
  try {
    return await setUp({
      ...options,
      root: ROOT,
      gpu: options.gpu ?? process.env.KDX_GPU === '1',
      minio,
    });
  } catch (error) {
    const problem = error instanceof SetupError ? error.message : fileProblem(error);
    if (problem === undefined) throw error;
    process.stderr.write(`set-up: ${problem}\n`);
    process.exit(1);
  }
}

async function main() {
  const { values } = parseArgs({
    options: {
      minio: { type: 'boolean' },
      gpu: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const toolchain = await setUpOrExit({
    thorough: true,
    ...(values.minio === undefined ? {} : { minio: values.minio }),
    ...(values.gpu === undefined ? {} : { gpu: values.gpu }),
  });
  voice('set-up')(`complete: node ${toolchain.node}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
