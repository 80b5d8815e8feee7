import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import type { LegEnd } from '../../leg/ports.ts';
import type { Leg } from '../../leg/spec.ts';

/** One of them is there where a CUDA device is: NVIDIA's driver, and that of Windows' Linux. */
export const CUDA_FILES: readonly string[] = ['/dev/nvidia0', '/dev/nvidiactl', '/dev/dxg'];

/**
 * The end of a leg that asks for a device which this machine does not have, without a process of it;
 * undefined where it has it.
 */
export function endWithoutDevice({ spec }: Leg, cudaFiles: readonly string[]): LegEnd | undefined {
  if (spec.device.kind === 'cpu' || cudaFiles.some((path) => existsSync(path))) return undefined;
  const host = hostname();
  const found = `$.device.kind: found ${JSON.stringify(spec.device.kind)}`;
  const detail = `${found}; ${host} has no NVIDIA GPU, allowed there: "cpu"`;
  return { outcome: 'badSpec', detail, host, processes: [], deviceSeconds: 0 };
}
