/**
 * Writes the layers of an image as folders, each a root file system of its own: `tensorflow` (not of the
 * worker), `packages`, `sources`. The Dockerfile copies them, and so does scripts/cluster/image.mjs.
 *
 *   node images/layers.ts trainer|worker|pool FOLDER
 */
import { cp, mkdir, realpath, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../environment/root.ts';
import { computeCodeIndex } from '../learning/code.ts';
import { CODE_INDEX_FILE } from '../learning/code/build.ts';
import { contentsOf, IMAGE_NAMES, type ImageName } from './contents.ts';

/** Where the build lies in an image. */
const HOME = 'app';

const TFJS = 'node_modules/@tensorflow/tfjs-node';
/** A link to libtensorflow in a checkout, a folder in an image. */
const TENSORFLOW = `${TFJS}/deps`;

/** An image with it holds the bundle as well. */
const WORKFLOWS = 'workflows/index.ts';

/** What no program reads; a licence stays, whatever its name ends in. Binaries for other systems. */
const UNREAD = [
  /\.(map|d\.[cm]?ts|tsbuildinfo)$/,
  /\/(?!licen[cs]e|notice|copying)[^/]*\.md$/i,
  /\/core-bridge\/releases\/(?!x86_64-unknown-linux-gnu)/,
  /\/onnxruntime-node\/bin\/napi-v\d+\/(?!linux$|linux\/x64)./,
];

async function main(image: ImageName, out: string): Promise<void> {
  const { files, packages } = contentsOf(ROOT, image);
  for (const folder of packages) {
    await copy(join(ROOT, folder), join(out, 'packages', HOME, folder));
  }
  if (packages.includes(TFJS)) {
    const library = await realpath(join(ROOT, TENSORFLOW));
    await copy(library, join(out, 'tensorflow', HOME, TENSORFLOW), join(library, 'include'));
  }
  for (const file of files) {
    await cp(join(ROOT, file), join(out, 'sources', HOME, file));
  }
  if (files.includes(WORKFLOWS)) await writeBundle(out);
  // The worker plans with it: which code the legs will find. It has none of their sources.
  const index = join(out, 'sources', HOME, CODE_INDEX_FILE);
  await mkdir(dirname(index), { recursive: true });
  await writeFile(index, `${JSON.stringify(computeCodeIndex(ROOT), null, 2)}\n`);
}

/** Only a build can make it; Temporal's packages are loaded where they are needed alone. */
async function writeBundle(out: string): Promise<void> {
  const { BUNDLE_FILE, bundleWorkflows } = await import('../bin/worker/bundle.ts');
  const { code } = await bundleWorkflows();
  await writeFile(join(out, 'sources', HOME, BUNDLE_FILE), code);
}

async function copy(from: string, to: string, without?: string): Promise<void> {
  const left = [without, join(ROOT, TENSORFLOW)];
  await cp(from, to, {
    ...{ recursive: true, verbatimSymlinks: true },
    filter: (path) => !left.includes(path) && !UNREAD.some((pattern) => pattern.test(path)),
  });
}

const [image, out] = parseArgs({ allowPositionals: true }).positionals;
const known = IMAGE_NAMES.find((name) => name === image);
if (known === undefined || out === undefined) {
  process.stderr.write(`usage: node images/layers.ts ${IMAGE_NAMES.join('|')} FOLDER\n`);
  process.exitCode = 64;
} else {
  await main(known, out);
}
