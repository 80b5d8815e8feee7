/**
 * The part of tfjs-node underneath tensors that the recorder works on. A tensor's data is either
 * values that wait on the host for their first use, or a handle: an integer that TensorFlow's
 * binding gives out once and never again, so that it names one value for good.
 */
import type { TFEOpAttr, TFJSBinding } from '@tensorflow/tfjs-node/dist/tfjs_binding.js';

import { tf } from '../backend.ts';

export type Shape = readonly number[];

/** A handle with what it holds; `dtype` is TensorFlow's number for the type. */
export type Handle = { readonly id: number; readonly shape: number[]; readonly dtype: number };

export type HostValues = Parameters<TFJSBinding['createTensor']>[2];

/** Where a tensor's data is: `values` on the host until the first use, then `id` alone. */
export type TensorData = {
  readonly id: number;
  readonly values: HostValues | null;
  readonly shape: number[];
  readonly dtype: number;
};

export type NativeBinding = TFJSBinding;
export type NativeAttribute = TFEOpAttr;

/** tfjs-node's backend, with the members that its type declarations hide. */
export type NativeBackend = {
  binding: NativeBinding;
  readonly tensorMap: { get(dataId: object): TensorData };
  getInputTensorIds(tensors: readonly tf.TensorInfo[]): number[];
  createOutputTensor(handle: Handle): tf.Tensor;
  readSync(dataId: object): HostValues;
  write(values: HostValues, shape: number[], dtype: tf.DataType): object;
};

export function native(): NativeBackend {
  return tf.backend() as unknown as NativeBackend;
}

/** The handle of a tensor; its values go to the device now if they have not yet. */
export function handleOf(tensor: tf.TensorInfo): Handle {
  const backend = native();
  const [id] = backend.getInputTensorIds([tensor]) as [number];
  const { shape, dtype } = backend.tensorMap.get(tensor.dataId);
  return { id, shape, dtype };
}
