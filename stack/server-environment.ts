import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Layout } from './layout.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/** What a program needs to be found and started at all. */
const INHERITED = ['PATH', 'TMPDIR', 'LANG', 'LD_LIBRARY_PATH'];

/**
 * The environment of a server. Nothing else of the user's reaches it: weed takes every flag from a
 * variable of its name, boto3 takes profiles and MLflow stores from theirs. Its HOME is the stack's, so
 * that the user's own configuration of such a server is not read either.
 */
export function serverEnvironment(layout: Layout, variables: Variables): Record<string, string> {
  const home = join(layout.run, 'home');
  mkdirSync(home, { recursive: true });
  return { ...pick(variables, (name) => INHERITED.includes(name)), HOME: home };
}

/** What of the user's environment is meant for the worker and for the legs that it launches. */
export function workerChoices(variables: Variables): Record<string, string> {
  return pick(variables, (name) => /^(KDX|TF)_/.test(name) || name === 'CUDA_VISIBLE_DEVICES');
}

function pick(variables: Variables, wanted: (name: string) => boolean): Record<string, string> {
  const entries = Object.entries(variables).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && wanted(entry[0]),
  );
  return Object.fromEntries(entries);
}
