import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Set-up cannot go on; the message says what is missing or failed and what to do. */
export class SetupError extends Error {
  /** @override */
  name = 'SetupError';
}

/** npm tells the cause first and the rest at length; compilers the other way round. */
const HEAD_LINES = 10;
const TAIL_LINES = 20;

/** What we started dies with us: a refusal ends set-up while downloads are still under way. */
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill();
});

/**
 * Runs a program to its end and resolves with what it printed on stdout.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined> }} [options] `env` is added to ours.
 * @returns {Promise<string>}
 * @throws {SetupError} with the command and the last lines of its output.
 */
export function run(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    let stdout = '';
    let everything = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      everything += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => (everything += text));
    child.on('error', (cause) => reject(new SetupError(`${program}: ${cause.message}`, { cause })));
    child.on('close', (code, signal) => {
      running.delete(child);
      if (code === 0) return resolve(stdout);
      const command = `${program} ${args.join(' ')}`;
      reject(new SetupError(`${command} ended with ${signal ?? code}:\n${excerpt(everything)}`));
    });
  });
}

/**
 * First and last lines of a long output, without npm's warnings.
 * @param {string} output
 * @returns {string}
 */
function excerpt(output) {
  const lines = output.trimEnd().split('\n');
  const telling = lines.filter((line) => !line.startsWith('npm warn'));
  if (telling.length <= HEAD_LINES + TAIL_LINES) return telling.join('\n');
  return [...telling.slice(0, HEAD_LINES), '…', ...telling.slice(-TAIL_LINES)].join('\n');
}

/**
 * Absolute path of a program on the PATH, or undefined.
 * @param {string} name
 * @param {string} [path] a PATH to search instead of ours
 * @returns {string | undefined}
 */
export function findProgram(name, path = process.env.PATH ?? '') {
  for (const folder of path.split(delimiter)) {
    // npm puts node_modules/.bin in front: what stands there is ours, not the user's.
    if (folder === '' || folder.includes('node_modules')) continue;
    const candidate = join(folder, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      continue;
    }
  }
  return undefined;
}
