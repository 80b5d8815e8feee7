import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pip } from './pip.mjs';

const PLATFORMS = ['manylinux_2_27_x86_64', 'manylinux_2_17_x86_64', 'manylinux2014_x86_64'];

/**
 * Downloads one wheel by pip, which checks its digest, and hands it to `use`; the wheel is removed
 * afterwards.
 * @param {string} requirement `name==version`
 * @param {string} sha256
 * @param {(wheel: string) => Promise<void>} use
 */
export async function withWheel(requirement, sha256, use) {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-wheel-'));
  try {
    const pinned = join(folder, 'requirements.txt');
    await writeFile(pinned, `${requirement} --hash=sha256:${sha256}\n`);
    await pip([
      ...['download', '--quiet', '--no-deps', '--no-cache-dir', '--require-hashes'],
      ...['--only-binary=:all:', '--implementation', 'cp', '--python-version', '3.11'],
      ...['--abi', 'cp311', '--abi', 'none'],
      ...PLATFORMS.flatMap((platform) => ['--platform', platform]),
      ...['--dest', folder, '--requirement', pinned],
    ]);
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    await use(join(folder, String(wheel)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
