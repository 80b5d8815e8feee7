#!/usr/bin/env node
// Builds an image of the Dockerfile without a container engine: the same layers on this machine's Node and C
// library in place of the base image's. It is for the test cluster: `import.sh TAR` puts it onto the node.
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { run, SetupError } from '../setup/command.mjs';
import { readToolchain } from '../setup/toolchain.mjs';
import { ROOT } from '../setup.mjs';
import { writeImage } from './oci.mjs';

const USAGE =
  'usage: node scripts/cluster/image.mjs trainer|worker|pool TAR, or: pause BINARY TAR, or: exit CODE TAR, or: temporal TAR';

const NODE = '/usr/local/bin/node';

/** @typedef {keyof typeof PROGRAMS} ImageName */

const PROGRAMS = { trainer: 'bin/trainer.ts', worker: 'bin/worker.ts', pool: 'bin/worker.ts' };

/** @param {ImageName} name @param {string} out */
async function buildImage(name, out) {
  const toolchain = await readToolchain(ROOT);
  if (toolchain === undefined)
    throw new SetupError('this checkout is not set up; run: npm run setup');
  await mkdir(dirname(out), { recursive: true });
  const folder = await mkdtemp(`${out}.layers-`);
  try {
    await run(toolchain.node, [join(ROOT, 'images', 'layers.ts'), name, folder]);
    const layers = (await readdir(folder)).toSorted((a, b) => orderOf(a) - orderOf(b));
    await writeBase(
      join(folder, 'base'),
      toolchain.node,
      layers.map((layer) => join(folder, layer)),
    );
    return await writeImage(
      {
        ...{
          tag: `docker.io/kdexplainer/${name}:test`,
          workingFolder: '/app',
          user: '65532:65532',
        },
        layers: ['base', ...layers].map((layer) => join(folder, layer)),
        ...{ entrypoint: [NODE], command: [PROGRAMS[name]] },
      },
      out,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What changes least lies lowest. @param {string} layer */
function orderOf(layer) {
  return ['tensorflow', 'packages', 'sources'].indexOf(layer);
}

/** Node with the libraries that it and the native packages load. @param {string} folder @param {string} node @param {readonly string[]} layers */
async function writeBase(folder, node, layers) {
  await place(node, join(folder, NODE));
  for (const library of await librariesOf([node, ...(await nativeFiles(layers))])) {
    await place(await realpath(library), join(folder, library));
  }
  for (const path of ['tmp', 'etc', 'proc', 'sys', 'dev']) await mkdir(join(folder, path));
  const user = 'root:x:0:0::/:/sbin/nologin\nkdx:x:65532:65532::/tmp:/sbin/nologin\n';
  await writeFile(join(folder, 'etc', 'passwd'), user);
  await writeFile(join(folder, 'etc', 'nsswitch.conf'), 'hosts: files dns\n');
}

/** @param {string} from @param {string} to */
async function place(from, to) {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
}

/** @param {readonly string[]} layers */
async function nativeFiles(layers) {
  const found = [];
  for (const layer of layers) {
    const entries = await readdir(layer, { recursive: true, withFileTypes: true });
    for (const { name, parentPath } of entries.filter((entry) => entry.isFile())) {
      if (/\.node$|\.so(\.\d+)*$/.test(name)) found.push(join(parentPath, name));
    }
  }
  return found;
}

/** Libraries of this machine, outside the layers. @param {readonly string[]} files */
async function librariesOf(files) {
  const found = new Set();
  for (const file of files) {
    // A program for another C library is none of ours to load: ldd then fails.
    const { stdout } = await promisify(execFile)('ldd', [file]).catch(() => ({ stdout: '' }));
    for (const [, path = ''] of stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)) {
      if (/^\/(usr\/)?lib(64)?\//.test(path)) found.add(path);
    }
  }
  return [...found];
}

/** @param {string} binary @param {string} out */
async function buildPause(binary, out) {
  const folder = await mkdtemp(`${out}.layers-`);
  try {
    await place(binary, join(folder, 'pause'));
    const layers = [folder];
    return await writeImage(
      { tag: 'docker.io/local/pause:1', layers, entrypoint: ['/pause'] },
      out,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A program that does nothing but end, as a defect makes it. @param {number} code @param {string} out */
async function buildExit(code, out) {
  const folder = await mkdtemp(`${out}.layers-`);
  try {
    await place('/bin/busybox', join(folder, 'bin/sh'));
    const tag = `docker.io/kdexplainer/exit-${code}:test`;
    const entrypoint = ['/bin/sh', '-c', `exit ${code}`];
    return await writeImage({ tag, layers: [folder], entrypoint }, out);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The plain CLI and a shell, as the chart's hooks need them. @param {string} out */
async function buildTemporal(out) {
  const toolchain = await readToolchain(ROOT);
  if (toolchain === undefined)
    throw new SetupError('this checkout is not set up; run: npm run setup');
  const folder = await mkdtemp(`${out}.layers-`);
  try {
    await place(toolchain.temporal, join(folder, 'usr/local/bin/temporal'));
    for (const name of ['sh', 'sleep']) await place('/bin/busybox', join(folder, 'bin', name));
    await mkdir(join(folder, 'tmp'));
    const tag = 'docker.io/kdexplainer/temporal:test';
    return await writeImage(
      { tag, layers: [folder], entrypoint: ['/usr/local/bin/temporal'] },
      out,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const [name, ...paths] = process.argv.slice(2);
const [first, second] = paths.map((path) => resolve(path));
try {
  if (name === 'pause' && first !== undefined && second !== undefined) {
    await buildPause(first, second);
  } else if (name === 'temporal' && first !== undefined) {
    await buildTemporal(first);
  } else if (name === 'exit' && /^\d+$/.test(paths[0] ?? '') && second !== undefined) {
    await buildExit(Number(paths[0]), second);
  } else if (name !== undefined && Object.hasOwn(PROGRAMS, name) && first !== undefined) {
    const bytes = await buildImage(/** @type {ImageName} */ (name), first);
    process.stdout.write(`${first}: ${Math.round(bytes / 1e6)} MB\n`);
  } else {
    throw new SetupError(USAGE);
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`image: ${error.message}\n`);
  process.exitCode = 1;
}
