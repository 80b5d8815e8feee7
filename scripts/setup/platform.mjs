import { atLeast, VERSIONS } from '../versions.mjs';
import { findProgram, run, SetupError } from './command.mjs';
import { pip } from './pip.mjs';

const MINIMUM_GLIBC = '2.27';

/**
 * Refuses a machine that the pinned binaries cannot run on, in one line.
 * @param {{ platform: string, arch: string, glibc: string | undefined }} machine
 * @throws {SetupError}
 */
export function checkPlatform({ platform, arch, glibc }) {
  const supported =
    platform === 'linux' && arch === 'x64' && glibc && atLeast(glibc, MINIMUM_GLIBC);
  if (supported) return;
  const here = `${platform}-${arch}${glibc ? ` with glibc ${glibc}` : ' without glibc'}`;
  throw new SetupError(
    `${here} is not supported: linux-x64 with glibc ${MINIMUM_GLIBC} or later is. Elsewhere run it ` +
      'in a container: docker run -it --network host -v "$PWD":/kdx -w /kdx node:24-bookworm npm start',
  );
}

/** @returns {{ platform: string, arch: string, glibc: string | undefined }} */
export function thisMachine() {
  const report = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (
    process.report.getReport()
  );
  return {
    platform: process.platform,
    arch: process.arch,
    glibc: report.header.glibcVersionRuntime,
  };
}

/** Syntax in webpack's requests, in lists of folders and in the flags of compilers. */
const REFUSED_IN_PATHS = /[!?#:,"\\\p{Cc}]/u;

/**
 * Refuses a folder of the checkout whose name the tools behind it take for something else.
 * @param {string} root
 * @throws {SetupError}
 */
export function checkPath(root) {
  const found = REFUSED_IN_PATHS.exec(root);
  if (found === null) return;
  throw new SetupError(
    `${JSON.stringify(root)} contains ${JSON.stringify(found[0])}: move the checkout to a path without ` +
      'any of ! ? # : , " \\ and control characters',
  );
}

/**
 * Names, in one error, every tool that set-up needs and this machine lacks.
 * @param {{ compiler: boolean, go: boolean }} needs
 * @param {(name: string) => string | undefined} [find]
 * @throws {SetupError}
 */
export async function checkTools(needs, find = findProgram) {
  const missing = [];
  if (!find('npm')) missing.push('npm (comes with Node.js)');
  if (needs.compiler && !find('g++')) missing.push('g++ (Debian: apt-get install g++)');
  if (needs.go && !find('go')) {
    missing.push('go ≥ 1.24 to build MinIO (https://go.dev/dl; or put a `minio` on the PATH)');
  }
  if (!find('python3')) missing.push('python3 with pip (Debian: apt-get install python3-pip)');
  else missing.push(...(await pythonLacks()));
  if (missing.length > 0) throw new SetupError(`missing on the PATH: ${missing.join('; ')}`);
}

async function pythonLacks() {
  const { minimum } = VERSIONS.python;
  const version = (
    await run('python3', ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'])
  ).trim();
  if (!atLeast(version, minimum)) return [`python3 ≥ ${minimum} (found ${version})`];
  try {
    await pip(['--version']);
    return [];
  } catch {
    return ["python3's pip (Debian: apt-get install python3-pip)"];
  }
}
