import { cpus } from 'node:os';

import { KdxError } from '../leg/errors.ts';
import type { RunRecord } from '../leg/result.ts';
import type { DeviceSpec } from '../study/schema.ts';
import { tf } from './engine/backend.ts';
import { describeGpus, gpuModel } from './gpu.ts';

/** What tfjs-node's backend offers beside its interface. */
type Backend = {
  readonly binding: { readonly TF_Version: string };
  readonly isUsingGpuDevice: boolean;
};

/**
 * Within one device class equal specs give equal bits; across classes only equal statistics.
 *
 * @throws KdxError Configuration where the spec wants a GPU and TensorFlow has none
 */
export function deviceClassOf({ kind, threads }: DeviceSpec): RunRecord['deviceClass'] {
  const { binding, isUsingGpuDevice } = tf.backend() as unknown as Backend;
  const tensorflow = binding.TF_Version;
  if (kind === 'cpu') return { kind, model: cpus()[0]?.model ?? 'unknown', threads, tensorflow };
  if (isUsingGpuDevice) return { kind, model: gpuModel(), threads, tensorflow };
  throw new KdxError(
    'Configuration',
    `device.kind is cuda, but TensorFlow ${tensorflow} sees the CPU only (${describeGpus()}); ` +
      'it needs a GPU, its driver, and the build for CUDA: npm run setup -- --gpu.',
  );
}
