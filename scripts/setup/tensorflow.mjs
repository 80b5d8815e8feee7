import { createHash } from 'node:crypto';
import {
  access,
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VERSIONS } from '../versions.mjs';
import { cached } from './cache.mjs';
import { findProgram, run } from './command.mjs';
import { pip } from './pip.mjs';
import { withWheel } from './wheels.mjs';

/** @typedef {import('./progress.mjs').Say} Say */
/** @typedef {'cpu' | 'gpu'} Flavour */

const PYTHON = fileURLToPath(new URL('../python/', import.meta.url));
const EXTRACT = join(PYTHON, 'extract_libtensorflow.py');
/** N-API 8: one build serves every Node from 18 on, and it is the highest the package declares. */
export const NAPI = 8;
const SOURCES = ['tfjs_backend', 'tfjs_binding'];
/** Read before the binding's own sources: how its sessions are configured. */
const OPTIONS = fileURLToPath(
  new URL('../../learning/engine/native/session_options.h', import.meta.url),
);
const LIBRARY = 'libtensorflow_cc.so.2';
export const FRAMEWORK = 'libtensorflow_framework.so.2';
const LIBRARIES = [LIBRARY, FRAMEWORK];

/**
 * libtensorflow with its headers, from the PyPI wheel: TensorFlow's own download bucket is not
 * needed. The GPU flavour carries the CUDA libraries beside it, where its RUNPATH looks for them.
 * @param {Flavour} flavour
 * @param {Say} say
 * @returns {Promise<string>} folder with `lib/` and `include/`
 */
export async function provideLibtensorflow(flavour, say) {
  const { version } = VERSIONS.tensorflow;
  const { package: name, sha256 } = VERSIONS.tensorflow[flavour];
  const parts = createHash('sha256')
    .update(await readFile(EXTRACT))
    .digest('hex')
    .slice(0, 8);
  return cached(
    `libtensorflow-${flavour}-${version}-${parts}`,
    async (folder) => {
      say(`fetching the wheel of ${name} ${version}`);
      await withWheel(`${name}==${version}`, sha256, async (wheel) => {
        await run('python3', [EXTRACT, wheel, folder]);
      });
      await strip(folder);
      await symlink(LIBRARY, join(folder, 'lib', 'libtensorflow.so'));
      await symlink(FRAMEWORK, join(folder, 'lib', 'libtensorflow_framework.so'));
      if (flavour === 'gpu') await addCuda(folder, say);
    },
    say,
    { attempt: checkParts },
  );
}

/** Whether the parts that others are linked with are still there. @param {string} folder */
async function checkParts(folder) {
  const parts = [...LIBRARIES.map((name) => join('lib', name)), 'include/tensorflow/c/c_api.h'];
  await Promise.all(parts.map((part) => access(join(folder, part))));
}

/** Symbols of 200 MB that nothing here reads. @param {string} folder */
async function strip(folder) {
  if (findProgram('strip') === undefined) return;
  for (const library of LIBRARIES) {
    const path = join(folder, 'lib', library);
    await chmod(path, 0o755);
    await run('strip', ['--strip-unneeded', path]);
  }
}

/** @param {string} folder @param {Say} say */
async function addCuda(folder, say) {
  say('fetching the CUDA wheels');
  await pip([
    ...['install', '--quiet', '--no-deps', '--no-cache-dir', '--require-hashes'],
    ...['--target', folder, '--requirement', join(PYTHON, 'cuda.txt')],
  ]);
}

/** Where tfjs-node is installed. @param {string} root */
export function packageFolder(root) {
  return join(root, 'node_modules', '@tensorflow', 'tfjs-node');
}

/**
 * The native binding of tfjs-node against that libtensorflow, compiled once and linked into
 * node_modules.
 * @param {string} root
 * @param {Flavour} flavour
 * @param {string} library folder of `provideLibtensorflow`
 * @param {Say} say
 * @returns {Promise<boolean>} whether what node_modules holds was replaced
 */
export async function provideBinding(root, flavour, library, say) {
  const tfjs = packageFolder(root);
  const { version } = JSON.parse(await readFile(join(tfjs, 'package.json'), 'utf8'));
  const options = createHash('sha256')
    .update(await readFile(OPTIONS))
    .digest('hex')
    .slice(0, 8);
  const binding = await cached(
    `tfjs-binding-${version}-${flavour}-${VERSIONS.tensorflow.version}-${options}`,
    async (folder) => {
      say('compiling the binding');
      await compile(
        flavour,
        tfjs,
        join(root, 'node_modules', 'node-api-headers', 'include'),
        library,
        folder,
      );
    },
    say,
    { attempt: (folder) => access(join(folder, 'tfjs_binding.node')) },
  );
  return place(tfjs, library, join(binding, 'tfjs_binding.node'));
}

/**
 * @param {Flavour} flavour
 * @param {string} tfjs
 * @param {string} headers
 * @param {string} library
 * @param {string} target
 */
async function compile(flavour, tfjs, headers, library, target) {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-binding-'));
  const objectOf = (/** @type {string} */ name) => join(folder, `${name}.o`);
  const includes = [headers, tfjs, join(library, 'include')].map((path) => `-I${path}`);
  try {
    await Promise.all(
      SOURCES.map((name) =>
        run('g++', [
          ...['-std=c++17', '-O2', '-fPIC', `-DNAPI_VERSION=${NAPI}`, ...includes],
          ...['-include', OPTIONS, ...(flavour === 'gpu' ? ['-DKDX_GPU'] : [])],
          ...['-c', join(tfjs, 'binding', `${name}.cc`), '-o', objectOf(name)],
        ]),
      ),
    );
    await run('g++', [
      ...['-shared', '-o', join(target, 'tfjs_binding.node'), ...SOURCES.map(objectOf)],
      ...[`-L${join(library, 'lib')}`, ...LIBRARIES.map((name) => `-l:${name}`)],
      '-Wl,-rpath,$ORIGIN/../../deps/lib',
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Puts the library and the binding where tfjs-node looks, each by one rename: a process that starts
 * meanwhile finds the old one or the new one.
 * @param {string} tfjs
 * @param {string} library
 * @param {string} binding
 */
async function place(tfjs, library, binding) {
  const deps = join(tfjs, 'deps');
  const folder = join(tfjs, 'lib', `napi-v${NAPI}`);
  const target = join(folder, 'tfjs_binding.node');
  const linked = await readlink(deps).catch(() => undefined);
  if (linked === library && (await sameBytes(binding, target))) return false;
  const temporary = `.new-${process.pid}`;
  await mkdir(folder, { recursive: true });
  await copyFile(binding, target + temporary);
  await symlink(library, deps + temporary);
  if (linked === undefined) await rm(deps, { recursive: true, force: true });
  await rename(deps + temporary, deps);
  await rename(target + temporary, target);
  return true;
}

/** @param {string} a @param {string} b */
export async function sameBytes(a, b) {
  const [left, right] = await Promise.all(
    [a, b].map((path) => readFile(path).catch(() => undefined)),
  );
  return left !== undefined && right !== undefined && left.equals(right);
}

/**
 * Proves that a fresh process can run an operation through the binding.
 * @param {string} root
 * @param {string} node
 * @returns {Promise<string>} one line: versions, and whether a GPU is used
 */
export async function checkTensorflow(root, node) {
  const program = `
    const util = require('node:util');
    util.isNullOrUndefined ??= (value) => value === null || value === undefined;
    const tf = require('@tensorflow/tfjs-node');
    require('@tensorflow/tfjs-node/lib/napi-v${NAPI}/kdx_kernels.node');
    if (tf.topk(tf.tensor1d([1, 5, 3]), 1).values.dataSync()[0] !== 5) process.exit(1);
    const { binding, isUsingGpuDevice } = tf.backend();
    console.log('libtensorflow', binding.TF_Version, isUsingGpuDevice ? 'on a GPU' : 'on the CPU');`;
  const env = { TF_CPP_MIN_LOG_LEVEL: '2' };
  return (await run(node, ['-e', program], { cwd: root, env })).trim();
}
