import { spawn } from 'node:child_process';
import { dirname, delimiter, join } from 'node:path';
import { loopbackExemptions } from '../../environment/loopback.mjs';
import { ROOT } from '../setup.mjs';

/** @typedef {import('./toolchain.mjs').Toolchain} Toolchain */

/**
 * Runs a program of ours on the project's Node to its end and resolves with its exit code; signals
 * that reach us are passed on, so that it can stop in order.
 * @param {Toolchain} toolchain
 * @param {readonly string[]} args for node
 * @param {{
 *   stdout?: 'inherit' | ((text: string) => void),
 *   stderr?: 'inherit' | ((text: string) => void),
 *   env?: Record<string, string>,
 * }} [options]
 * @returns {Promise<number>}
 */
export function runNode(toolchain, args, options = {}) {
  const { stdout = 'inherit', stderr = 'inherit', env = {} } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(toolchain.node, args, {
      cwd: process.cwd(),
      stdio: ['inherit', ...[stdout, stderr].map((to) => (to === 'inherit' ? to : 'pipe'))],
      env: {
        ...process.env,
        // Node itself reads it at its start, when NODE_USE_ENV_PROXY is set.
        ...loopbackExemptions(process.env),
        // Every program is several hundred TypeScript files: compiled once, it starts in half the time.
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(ROOT, '.kdx', 'compiled'),
        // What the program starts finds the same Node and the packages' own commands.
        PATH: [dirname(toolchain.node), `${ROOT}/node_modules/.bin`, process.env.PATH].join(
          delimiter,
        ),
        ...env,
      },
    });
    if (stdout !== 'inherit') child.stdout?.setEncoding('utf8').on('data', stdout);
    if (stderr !== 'inherit') child.stderr?.setEncoding('utf8').on('data', stderr);
    // At a terminal Ctrl-C reaches both of us: it is the program's to obey, ours to wait.
    const passOn = (/** @type {NodeJS.Signals} */ signal) => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    };
    const signals = /** @type {NodeJS.Signals[]} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
    for (const signal of signals) process.on(signal, passOn);
    child.on('error', reject);
    child.on('close', (code) => {
      for (const signal of signals) process.off(signal, passOn);
      resolve(code ?? 1);
    });
  });
}
