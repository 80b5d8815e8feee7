import type { NodeJSKernelBackend } from '@tensorflow/tfjs-node/dist/nodejs_kernel_backend.js';
import type { TFEOpAttr } from '@tensorflow/tfjs-node/dist/tfjs_binding.js';

import { tf } from './library.ts';

/** Operations of TensorFlow that tfjs has no function for, called by their TensorFlow name. */
export type Attribute = TFEOpAttr;

function backend(): NodeJSKernelBackend {
  return tf.backend() as NodeJSKernelBackend;
}

export function dataType(name: string, dtype: tf.DataType): Attribute {
  const { binding } = backend();
  return { name, type: binding.TF_ATTR_TYPE, value: backend().getDTypeInteger(dtype) };
}

export function integers(name: string, value: number | number[]): Attribute {
  return { name, type: backend().binding.TF_ATTR_INT, value };
}

export function float(name: string, value: number): Attribute {
  return { name, type: backend().binding.TF_ATTR_FLOAT, value };
}

export function flag(name: string, value: boolean): Attribute {
  return { name, type: backend().binding.TF_ATTR_BOOL, value };
}

export function text(name: string, value: string): Attribute {
  return { name, type: backend().binding.TF_ATTR_STRING, value };
}

/** Runs one TensorFlow operation with one output. It leaves no trace on the gradient tape. */
export function operation<T extends tf.Tensor>(
  name: string,
  attributes: readonly Attribute[],
  inputs: readonly tf.TensorInfo[],
): T {
  return backend().executeSingleOutput(name, [...attributes], [...inputs]) as T;
}

/** Runs one TensorFlow operation with `outputs` outputs. It leaves no trace on the gradient tape. */
export function operationWithOutputs(
  name: string,
  attributes: readonly Attribute[],
  inputs: readonly tf.TensorInfo[],
  outputs: number,
): tf.Tensor[] {
  return backend().executeMultipleOutputs(name, [...attributes], [...inputs], outputs);
}
