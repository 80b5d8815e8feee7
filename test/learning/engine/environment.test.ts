import test from 'ava';

import { KdxError } from '../../../leg/errors.ts';
import { configureProcess } from '../../../learning/engine/environment.ts';

test('threads and determinism are set before TensorFlow loads, and refused after', async (t) => {
  const environment: NodeJS.ProcessEnv = {};
  configureProcess({ threads: 3 }, environment);
  t.is(environment['TF_NUM_INTRAOP_THREADS'], '3');
  t.is(environment['TF_NUM_INTEROP_THREADS'], '3');
  t.is(environment['TF_DETERMINISTIC_OPS'], '1');
  t.is(environment['NVIDIA_TF32_OVERRIDE'], '0');

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
});
