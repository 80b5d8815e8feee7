import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

import { KdxError } from '../leg/errors.ts';

/** What the machine says of its NVIDIA GPUs. Loads nothing of TensorFlow. */

type Variables = Readonly<Record<string, string | undefined>>;

const DRIVER = '/proc/driver/nvidia/version';
const MEBIBYTE = 2 ** 20;

/** The GPUs that the scheduler left this process; nothing where it did not choose. */
function chosenGpus(variables: Variables): readonly string[] | undefined {
  const names = variables['CUDA_VISIBLE_DEVICES']?.split(',').map((name) => name.trim());
  return names?.filter((name) => name !== '' && name !== '-1');
}

function deviceFiles(): readonly string[] {
  return readdirSync('/dev').filter((name) => /^nvidia\d+$/.test(name));
}

/**
 * A leg takes one GPU. With several in sight TensorFlow would take memory on all of them, run graphs
 * on the first one and single operations on the last.
 *
 * @throws KdxError Configuration naming the GPUs in sight
 */
export function requireOneGpu(variables: Variables): void {
  const gpus = chosenGpus(variables) ?? deviceFiles();
  if (gpus.length <= 1) return;
  const chosen = variables['CUDA_VISIBLE_DEVICES'];
  throw new KdxError(
    'Configuration',
    `CUDA_VISIBLE_DEVICES is ${chosen ?? 'not set'}, so ${gpus.length} GPUs are in sight (${gpus.join(', ')}); ` +
      'a leg takes one: set it to the number of one of them.',
  );
}

/** One line about the GPU of this machine, for a message to someone who asked for one. */
export function describeGpus(variables: Variables = process.env): string {
  const driver = existsSync(DRIVER) ? readFileSync(DRIVER, 'utf8').split('\n')[0] : 'none';
  const files = deviceFiles().map((name) => `/dev/${name}`);
  const chosen = variables['CUDA_VISIBLE_DEVICES'];
  return [
    `NVIDIA driver: ${driver}`,
    `devices: ${files.length === 0 ? 'none' : files.join(', ')}`,
    `CUDA_VISIBLE_DEVICES: ${chosen === undefined ? 'not set' : `"${chosen}"`}`,
  ].join('; ');
}

/** Arguments of `nvidia-smi` that ask for one table about this process's GPU, without headings. */
function question(query: string, variables: Variables): string[] {
  const gpu = chosenGpus(variables)?.slice(0, 1) ?? [];
  return [query, '--format=csv,noheader,nounits', ...gpu.flatMap((name) => ['-i', name])];
}

/** Model of the GPU, as the driver calls it. */
export function gpuModel(variables: Variables = process.env): string {
  try {
    const text = execFileSync('nvidia-smi', question('--query-gpu=name', variables), {
      encoding: 'utf8',
      env: { ...variables },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return text.split('\n')[0]?.trim() || 'unknown GPU';
  } catch {
    return 'unknown GPU'; // A container may lack the program; TensorFlow does not need it.
  }
}

/**
 * Bytes that a process holds on its GPU now, TensorFlow's reserve included; nothing where the driver
 * does not tell. In a container the driver may show the process under a number of the host: where it
 * is alone on its GPU it is found all the same.
 */
export async function usedDeviceBytes(
  pid: number,
  variables: Variables = process.env,
): Promise<number | undefined> {
  const query = question('--query-compute-apps=pid,used_memory', variables);
  const run = promisify(execFile);
  const text = await run('nvidia-smi', query, { env: { ...variables } }).then(
    ({ stdout }) => stdout,
    () => '',
  );
  const rows = text
    .split('\n')
    .map((line) => line.split(',').map((cell) => Number(cell)))
    .filter((row) => row.length === 2 && row.every(Number.isFinite));
  const own = rows.find(([owner]) => owner === pid) ?? (rows.length === 1 ? rows[0] : undefined);
  return own === undefined ? undefined : (own[1] as number) * MEBIBYTE;
}
