import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from '../setup/command.mjs';

/**
 * @typedef {object} Image
 * @property {string} tag `docker.io/local/name:1`
 * @property {readonly string[]} layers folders, each a root file system; later ones lie over earlier ones
 * @property {readonly string[]} entrypoint
 * @property {readonly string[]} [command]
 * @property {string} [user] `uid:gid`; absent: root
 * @property {string} [workingFolder]
 */

/** @typedef {{ digest: string, size: number }} Blob */

const OCI = 'application/vnd.oci.image';
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The same folder gives the same bytes: nobody's names, no times, what root may read all may read. */
const REPRODUCIBLE = [
  ...['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0'],
  ...['--mode=u+rw,go+rX-w', '--format=posix', '--pax-option=delete=atime,delete=ctime'],
];

/**
 * Writes an image as an OCI tar, which `ctr images import` takes: no engine and no registry is needed.
 * @param {Image} image
 * @param {string} out
 * @returns {Promise<number>} its bytes
 */
export async function writeImage(image, out) {
  await mkdir(dirname(out), { recursive: true });
  const folder = await mkdtemp(`${out}.partial-`);
  try {
    await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
    const layers = [];
    for (const layer of image.layers) layers.push(await putLayer(folder, layer));
    await writeManifest(folder, image, layers);
    const tar = `${folder}.tar`;
    await run('tar', [
      ...REPRODUCIBLE,
      '-cf',
      tar,
      '-C',
      folder,
      'oci-layout',
      'index.json',
      'blobs',
    ]);
    await rename(tar, out);
    return (await stat(out)).size;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param {string} folder @param {Image} image @param {readonly Blob[]} layers */
async function writeManifest(folder, image, layers) {
  const { tag, entrypoint, command = [], user = '', workingFolder = '/' } = image;
  const config = await putJson(folder, {
    ...{ architecture: 'amd64', os: 'linux' },
    config: {
      Env: [PATH],
      Entrypoint: entrypoint,
      Cmd: command,
      WorkingDir: workingFolder,
      User: user,
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  });
  const manifest = await putJson(folder, {
    ...{ schemaVersion: 2, mediaType: `${OCI}.manifest.v1+json` },
    config: { mediaType: `${OCI}.config.v1+json`, ...config },
    layers: layers.map((layer) => ({ mediaType: `${OCI}.layer.v1.tar`, ...layer })),
  });
  const described = {
    ...{ mediaType: `${OCI}.manifest.v1+json`, ...manifest },
    platform: { os: 'linux', architecture: 'amd64' },
    annotations: { 'io.containerd.image.name': tag },
  };
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  const index = { schemaVersion: 2, manifests: [described] };
  await writeFile(join(folder, 'index.json'), JSON.stringify(index));
}

/** @param {string} folder @param {string} layer @returns {Promise<Blob>} */
async function putLayer(folder, layer) {
  const path = join(folder, 'layer');
  await run('tar', [...REPRODUCIBLE, '-cf', path, '-C', layer, '.']);
  return place(folder, path);
}

/** @param {string} folder @param {object} value @returns {Promise<Blob>} */
async function putJson(folder, value) {
  const path = join(folder, 'json');
  await writeFile(path, JSON.stringify(value));
  return place(folder, path);
}

/** Names a file by what it holds. @param {string} folder @param {string} path @returns {Promise<Blob>} */
async function place(folder, path) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const digest = hash.digest('hex');
  const { size } = await stat(path);
  await rename(path, join(folder, 'blobs', 'sha256', digest));
  return { digest: `sha256:${digest}`, size };
}
