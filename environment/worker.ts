import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { DeviceKind } from '../leg/queues.ts';
import type { Variables } from './variables.ts';

/** Legs that a worker runs at once: `KDX_LEG_SLOTS`, else one per two cores and at least two. */
export function legSlots(variables: Variables): number {
  const slots = variables['KDX_LEG_SLOTS'];
  return slots === undefined ? Math.max(2, Math.floor(availableParallelism() / 2)) : Number(slots);
}

/** The file that NVIDIA's driver puts there, in a container with a GPU as well. */
const NVIDIA_CONTROL = '/dev/nvidiactl';
/** What hides every GPU from CUDA. */
const NONE_VISIBLE = ['', '-1'];

/** Devices that a worker has for its legs: it takes no leg of another one. */
export function legDevices(
  variables: Variables,
  hasNvidia: boolean = existsSync(NVIDIA_CONTROL),
): readonly DeviceKind[] {
  const visible = variables['CUDA_VISIBLE_DEVICES'];
  const hasGpu = hasNvidia && (visible === undefined || !NONE_VISIBLE.includes(visible));
  return hasGpu ? ['cpu', 'cuda'] : ['cpu'];
}

/** Passed on to legs: where programs and temporary files are. */
const INHERITED = [
  ...['PATH', 'HOME', 'TMPDIR', 'LANG', 'LD_LIBRARY_PATH', 'CUDA_VISIBLE_DEVICES'],
  // What Node has compiled of the same files already.
  'NODE_COMPILE_CACHE',
];
const INHERITED_PREFIXES = [
  ...['KDX_S3_', 'KDX_CACHE_', 'KDX_BLOB_CACHE_', 'KDX_CHECKPOINT_', 'KDX_PROGRESS_'],
  'TF_',
];

/**
 * The environment of a leg's process: the store, the caches, how often to write a checkpoint,
 * TensorFlow's settings; nothing of Temporal.
 */
export function legEnvironment(variables: Variables): Readonly<Record<string, string>> {
  const entries = Object.entries(variables).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined &&
      (INHERITED.includes(entry[0]) ||
        INHERITED_PREFIXES.some((prefix) => entry[0].startsWith(prefix))),
  );
  return Object.fromEntries(entries);
}
