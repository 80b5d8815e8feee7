import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { provideEnvironment } from './python.mjs';

/** @typedef {import('./progress.mjs').Say} Say */

const LOCK = fileURLToPath(new URL('../python/peers.txt', import.meta.url));

/**
 * Other systems that run sweeps, in an environment of their own: a benchmark compares with them, and
 * nothing else needs them.
 * @param {Say} say
 * @returns {Promise<string>} its Python
 */
export async function providePeers(say) {
  const environment = { name: 'peers', what: 'Ray, Optuna, Prefect and Metaflow', lock: LOCK };
  return join(await provideEnvironment(environment, say), 'bin', 'python');
}
