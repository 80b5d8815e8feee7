import util from 'node:util';

import { KdxError } from '../../leg/errors.ts';

/** What a process must be told before TensorFlow is loaded; later changes have no effect. */
export type ProcessSettings = {
  /** Threads within one operation; part of the key, since another count gives other bits. */
  readonly threads: number;
  /** On CUDA: deterministic kernels, and full float32 products instead of TF32. */
  readonly precision?: 'float32' | 'tf32';
};

const LOADED = Symbol.for('kdexplainer.tensorflow.loaded');
const registry = globalThis as { [LOADED]?: boolean };

/**
 * Sets the environment that TensorFlow reads once, when its library is loaded. Call it before the
 * first import of `engine/backend.ts` (entry points import the rest of `learning/` dynamically).
 *
 * @throws KdxError Configuration if TensorFlow is already loaded, SpecInvalid on a bad thread count.
 */
export function configureProcess(
  { threads, precision = 'float32' }: ProcessSettings,
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
  environment['TF_NUM_INTRAOP_THREADS'] = String(threads);
  environment['TF_NUM_INTEROP_THREADS'] = String(threads);
  environment['TF_DETERMINISTIC_OPS'] = '1';
  environment['NVIDIA_TF32_OVERRIDE'] = precision === 'tf32' ? '1' : '0';
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
