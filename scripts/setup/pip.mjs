import { run } from './command.mjs';
import { pipEnvironment, readPipSettings } from './isolation.mjs';

/** @type {ReturnType<typeof readPipSettings> | undefined} */
let settings;

/** pip's settings for fetching packages, read once. */
export function fetchSettings() {
  settings ??= readPipSettings();
  return settings;
}

/**
 * Runs pip by the `python3` of the PATH, wherever the user has packages come from.
 * @param {readonly string[]} args
 */
export async function pip(args) {
  const env = pipEnvironment(process.env, await fetchSettings());
  return run('python3', ['-m', 'pip', ...args], { env });
}
