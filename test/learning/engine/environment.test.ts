import test from 'ava';

import { KdxError } from '../../../leg/errors.ts';
import { configureProcess, type ProcessSettings } from '../../../learning/engine/environment.ts';

/** What a process is told on a machine with one GPU. */
function told(settings: ProcessSettings): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {
    CUDA_VISIBLE_DEVICES: '3',
    TF_XLA_FLAGS: 'mine',
    NVIDIA_TF32_OVERRIDE: '0',
  };
  configureProcess(settings, environment);
  return environment;
}

test.serial('a GPU is used deterministically, and only where the device is one', (t) => {
  const cuda = told({ kind: 'cuda', threads: 1 });
  t.like(cuda, {
    CUDA_VISIBLE_DEVICES: '3',
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    TF_DETERMINISTIC_OPS: '1',
    TF_CUDNN_DETERMINISTIC: '1',
    TF_CUDNN_USE_AUTOTUNE: '0',
    TF_XLA_FLAGS: '--tf_xla_auto_jit=-1',
  });
  t.is(told({ threads: 1 })['CUDA_VISIBLE_DEVICES'], '-1');
});

test.serial('settings of the machine that round otherwise do not reach TensorFlow', (t) => {
  const environment = {
    TF_ENABLE_ONEDNN_OPTS: '0',
    TF_SET_ONEDNN_FPMATH_MODE: 'BF16',
    KDX_ISA: 'portable',
  };
  configureProcess({ threads: 1 }, environment);
  t.like(environment, {
    TF_ENABLE_ONEDNN_OPTS: '1',
    TF_SET_ONEDNN_FPMATH_MODE: undefined,
    KDX_ISA: undefined,
  });
});

test.serial('TensorFloat-32 is off unless the precision asks for it', (t) => {
  const override = (settings: Omit<ProcessSettings, 'threads'>): string | undefined =>
    told({ threads: 1, ...settings })['NVIDIA_TF32_OVERRIDE'];
  t.is(override({}), '0');
  t.is(override({ kind: 'cuda', precision: 'float32' }), '0');
  t.is(override({ kind: 'cuda', precision: 'bf16' }), '0');
  t.is(override({ kind: 'cuda', precision: 'tf32' }), undefined);
});

test.serial('a precision that the device does not have is refused', (t) => {
  const error = t.throws(() => told({ threads: 1, precision: 'tf32' }), { instanceOf: KdxError });
  t.is(error.code, 'SpecInvalid');
  t.is(error.message, 'device.precision is tf32; allowed: float32, bf16 on cpu.');
});

test.serial('several GPUs in sight are refused, and none is left to TensorFlow to find', (t) => {
  const told = (gpus: string) => () =>
    configureProcess({ kind: 'cuda', threads: 1 }, { CUDA_VISIBLE_DEVICES: gpus });
  const error = t.throws(told('0,GPU-5d1e'), { instanceOf: KdxError });
  t.is(error.code, 'Configuration');
  t.regex(
    error.message,
    /^CUDA_VISIBLE_DEVICES is 0,GPU-5d1e, so 2 GPUs are in sight \(0, GPU-5d1e\)/,
  );
  for (const few of ['0', '', '-1', 'MIG-41f']) t.notThrows(told(few));
});

test.serial(
  'threads and determinism are set before TensorFlow loads, and refused after',
  async (t) => {
    const environment: NodeJS.ProcessEnv = {};
    configureProcess({ threads: 3 }, environment);
    t.is(environment['TF_NUM_INTRAOP_THREADS'], '3');
    t.is(environment['TF_NUM_INTEROP_THREADS'], '1');
    t.is(environment['TF_DETERMINISTIC_OPS'], '1');

    for (const threads of [0, 1.5, Number.NaN]) {
      const error = t.throws(
        () => {
          configureProcess({ threads }, environment);
        },
        {
          instanceOf: KdxError,
          message: /device\.threads is .*; allowed: an integer ≥ 1/,
        },
      );
      t.is(error.code, 'SpecInvalid');
    }
    t.is(environment['TF_NUM_INTRAOP_THREADS'], '3');

    const { tf } = await import('../../../learning/engine/backend.ts');
    t.is(tf.getBackend(), 'tensorflow');
    const error = t.throws(
      () => {
        configureProcess({ threads: 2 }, environment);
      },
      {
        instanceOf: KdxError,
        message: /already loaded/,
      },
    );
    t.is(error.code, 'Configuration');
  },
);
