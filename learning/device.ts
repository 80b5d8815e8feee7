import { cpus } from 'node:os';

import type { RunRecord } from '../leg/result.ts';
import type { DeviceSpec } from '../study/schema.ts';
import { tf } from './engine/backend.ts';

/** Within one device class equal specs give equal bits; across classes only equal statistics. */
export function deviceClassOf({ kind, threads }: DeviceSpec): RunRecord['deviceClass'] {
  const { binding } = tf.backend() as unknown as { binding: { TF_Version: string } };
  const model = cpus()[0]?.model ?? 'unknown';
  return { kind, model, threads, tensorflow: binding.TF_Version };
}
