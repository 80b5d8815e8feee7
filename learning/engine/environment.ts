import util from 'node:util';

import { KdxError } from '../../leg/errors.ts';
import { PRECISIONS, type DeviceKind, type Precision } from '../../study/catalog.ts';
import { requireOneGpu } from '../gpu.ts';

/** Settings of a process, made before TensorFlow is loaded; later changes have no effect. */
export type ProcessSettings = {
  readonly kind?: DeviceKind;
  /** Threads within one operation; part of the key, since another count gives other bits. */
  readonly threads: number;
  readonly precision?: Precision;
};

const LOADED = Symbol.for('kdexplainer.tensorflow.loaded');
const registry = globalThis as { [LOADED]?: boolean };

/** What would make the same step give other bits another time. */
const DETERMINISM = {
  TF_DETERMINISTIC_OPS: '1',
  // Other kernels round otherwise: on, whatever the machine's own settings say.
  TF_ENABLE_ONEDNN_OPTS: '1',
  TF_CUDNN_DETERMINISTIC: '1',
  // An algorithm that was chosen by a stopwatch is another one tomorrow.
  TF_CUDNN_USE_AUTOTUNE: '0',
  CUBLAS_WORKSPACE_CONFIG: ':4096:8',
  // Operations are not gathered into compiled clusters, whatever the machine's own settings say.
  TF_XLA_FLAGS: '--tf_xla_auto_jit=-1',
} as const;

/** On CUDA: memory is taken as it is needed, and devices have the numbers that `nvidia-smi` shows. */
const CUDA = { TF_FORCE_GPU_ALLOW_GROWTH: 'true', CUDA_DEVICE_ORDER: 'PCI_BUS_ID' } as const;

/** A build for CUDA computes on the CPU where it sees no GPU. */
const NO_GPU = { CUDA_VISIBLE_DEVICES: '-1' } as const;

/**
 * Sets the environment that TensorFlow reads once, when its library is loaded. Call it before the
 * first import of `engine/backend.ts` (entry points import the rest of `learning/` dynamically).
 * Which GPU is taken is the scheduler's word (`CUDA_VISIBLE_DEVICES`): it must leave one.
 *
 * @throws KdxError Configuration if TensorFlow is already loaded or several GPUs are visible,
 *   SpecInvalid on a bad thread count or a precision that the device does not have
 */
export function configureProcess(
  { kind = 'cpu', threads, precision = 'float32' }: ProcessSettings,
  environment: NodeJS.ProcessEnv = process.env,
): void {
  if (registry[LOADED] === true) {
    throw new KdxError(
      'Configuration',
      'TensorFlow is already loaded: configureProcess must run before engine/backend.ts is imported.',
    );
  }
  if (!Number.isInteger(threads) || threads < 1) {
    throw new KdxError('SpecInvalid', `device.threads is ${threads}; allowed: an integer ≥ 1.`);
  }
  const allowed: readonly Precision[] = PRECISIONS[kind];
  if (!allowed.includes(precision)) {
    const choice = `${allowed.join(', ')} on ${kind}`;
    throw new KdxError('SpecInvalid', `device.precision is ${precision}; allowed: ${choice}.`);
  }
  if (kind === 'cuda') requireOneGpu(environment);
  Object.assign(environment, DETERMINISM, kind === 'cuda' ? CUDA : NO_GPU, {
    TF_NUM_INTRAOP_THREADS: String(threads),
    // On a CPU each operation has all threads: two at once would only be in each other's way.
    TF_NUM_INTEROP_THREADS: kind === 'cpu' ? '1' : String(threads),
  });
  // Precision is the study's to say: here oneDNN would round behind its back.
  delete environment['TF_SET_ONEDNN_FPMATH_MODE'];
  // Our kernels for another processor, which round otherwise, are for tests.
  delete environment['KDX_ISA'];
  // It knows "0" only; TensorFlow uses TF32 wherever it is not forbidden.
  if (precision === 'tf32') delete environment['NVIDIA_TF32_OVERRIDE'];
  else environment['NVIDIA_TF32_OVERRIDE'] = '0';
}

/**
 * Runs right before TensorFlow loads: marks it as loaded, quiets its log, and gives tfjs-node 4.22
 * the two functions of `util` that newer Node versions removed or warn about.
 */
export function prepareToLoad(environment: NodeJS.ProcessEnv = process.env): void {
  registry[LOADED] = true;
  environment['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  const legacy = util as {
    isNullOrUndefined?: (value: unknown) => boolean;
    isArray: (value: unknown) => boolean;
  };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
  legacy.isArray = Array.isArray;
}
