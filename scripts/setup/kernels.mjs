import { createHash } from 'node:crypto';
import { access, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VERSIONS } from '../versions.mjs';
import { cached } from './cache.mjs';
import { run } from './command.mjs';
import { FRAMEWORK, NAPI, packageFolder, sameBytes } from './tensorflow.mjs';

/** @typedef {import('./progress.mjs').Say} Say */

const FLAGS = [
  '-std=c++17',
  '-O3',
  '-fPIC',
  '-ffp-contract=fast',
  '-Wall',
  '-Wextra',
  '-Wno-psabi',
];
/**
 * Sets of instructions that the kernels are compiled for; the processor's own is chosen at run time.
 * They are linked in this order: of library code that several of them hold, the first copy is kept.
 */
const VARIANTS = [
  { isa: 'portable', lanes: 4, flags: [] },
  { isa: 'avx2', lanes: 8, flags: ['-mavx2', '-mfma'] },
  { isa: 'avx512', lanes: 16, flags: ['-mavx512f', '-mfma'] },
];

/** Compiled for each of them, and once. */
const KERNELS = ['winograd.cc', 'norm.cc', 'depthwise.cc', 'grouped.cc'];
const OPERATIONS = [
  'team.cc',
  'operation.cc',
  'convolution_operations.cc',
  'norm_operations.cc',
  'depthwise_operations.cc',
  'grouped_operations.cc',
  'addon.cc',
];

/**
 * Our operations for TensorFlow (`learning/engine/native/`), compiled once for each version of their
 * sources, beside the binding of tfjs-node.
 * @param {string} root
 * @param {string} library folder of `provideLibtensorflow`
 * @param {Say} say
 * @returns {Promise<boolean>} whether what node_modules holds was replaced
 */
export async function provideKernels(root, library, say) {
  const sources = join(root, 'learning', 'engine', 'native');
  const digest = await digestOfSources(sources);
  const recipe = JSON.stringify([FLAGS, VARIANTS, VERSIONS.tensorflow.version]);
  const recipeDigest = createHash('sha256').update(recipe).digest('hex');
  const folder = await cached(
    `kernels-${digest.slice(0, 12)}-${recipeDigest.slice(0, 8)}`,
    async (target) => {
      say('compiling the kernels');
      const headers = join(root, 'node_modules', 'node-api-headers', 'include');
      await compile({ sources, digest, headers, library, target });
    },
    say,
    { attempt: (target) => access(join(target, 'kdx_kernels.node')) },
  );
  return place(join(folder, 'kdx_kernels.node'), root);
}

/**
 * Of names and contents, as `learning/engine/native.ts` computes it: an addon tells which sources it
 * was made from, and is refused with others.
 * @param {string} folder
 */
async function digestOfSources(folder) {
  const names = (await readdir(folder)).filter((name) => /\.(cc|h)$/.test(name)).toSorted();
  const digest = createHash('sha256');
  for (const name of names) {
    digest
      .update(`${name}\0`)
      .update(await readFile(join(folder, name)))
      .update('\0');
  }
  return digest.digest('hex');
}

/** @param {{ sources: string, digest: string, headers: string, library: string, target: string }} options */
async function compile({ sources, digest, headers, library, target }) {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-kernels-'));
  const units = [
    ...VARIANTS.flatMap(({ isa, lanes, flags }) =>
      KERNELS.map((source) => ({
        source,
        object: `${isa}-${source}.o`,
        flags: [...flags, `-DKDX_ISA=${isa}`, `-DKDX_LANES=${lanes}`],
      })),
    ),
    ...OPERATIONS.map((source) => ({
      source,
      object: `${source}.o`,
      flags: [
        ...[`-DNAPI_VERSION=${NAPI}`, `-DKDX_SOURCES="${digest}"`],
        ...[headers, join(library, 'include')].map((path) => `-I${path}`),
      ],
    })),
  ];
  try {
    await Promise.all(
      units.map(({ source, object, flags }) =>
        run('g++', [...FLAGS, ...flags, '-c', join(sources, source), '-o', join(folder, object)]),
      ),
    );
    await run('g++', [
      ...['-shared', '-pthread', '-o', join(target, 'kdx_kernels.node')],
      ...units.map(({ object }) => join(folder, object)),
      ...[`-L${join(library, 'lib')}`, `-l:${FRAMEWORK}`, '-Wl,-rpath,$ORIGIN/../../deps/lib'],
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Puts the addon beside the binding by one rename. @param {string} addon @param {string} root */
async function place(addon, root) {
  const folder = join(packageFolder(root), 'lib', `napi-v${NAPI}`);
  const target = join(folder, 'kdx_kernels.node');
  if (await sameBytes(addon, target)) return false;
  await mkdir(folder, { recursive: true });
  await copyFile(addon, `${target}.new-${process.pid}`);
  await rename(`${target}.new-${process.pid}`, target);
  return true;
}
