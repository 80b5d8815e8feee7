import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { atLeast } from '../versions.mjs';
import { run, SetupError } from './command.mjs';
import { provideEnvironment } from './python.mjs';

/** @typedef {import('./progress.mjs').Say} Say */

const PYTHON = fileURLToPath(new URL('../python/', import.meta.url));
/** The oldest Python that the pinned PyTorch has a wheel for. */
const MINIMUM_PYTHON = '3.11';

/**
 * PyTorch in an environment of its own: the yardstick of the benchmarks, which nothing else needs.
 * PyPI's only build wants CUDA's libraries to be imported; stubs stand in for them, so it computes on
 * the CPU.
 * @param {Say} say
 * @returns {Promise<string>} its Python
 * @throws {SetupError} where Python is too old
 */
export async function provideTorch(say) {
  const version = await run('python3', ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])']);
  if (!atLeast(version.trim(), MINIMUM_PYTHON)) {
    throw new SetupError(
      `PyTorch needs python3 ≥ ${MINIMUM_PYTHON} (found ${version.trim()}); --engines recorded,eager measures without it`,
    );
  }
  const environment = {
    name: 'torch',
    what: 'PyTorch (1 GB)',
    lock: join(PYTHON, 'torch.txt'),
    finish: (/** @type {string} */ python) => run(python, [join(PYTHON, 'stub_cuda.py')]),
  };
  return join(await provideEnvironment(environment, say), 'bin', 'python');
}
