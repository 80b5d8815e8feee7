import type { NodeJSKernelBackend } from '@tensorflow/tfjs-node/dist/nodejs_kernel_backend.js';

import { tf } from './library.ts';
import type { Attribute } from './operation.ts';

/**
 * bfloat16 where it pays: the operands of convolutions and matrix products are rounded to it, and so
 * is what they give; within, the kernels add in float32. Weights, their updates, statistics, losses
 * and all that lies between two products stay float32, so nothing has to be scaled.
 *
 * tfjs has no tensors of bfloat16, and needs none: the handles between the casts never leave the
 * binding. Eager and recorded steps both pass here, so they agree as they do in float32.
 */

/** Products, with the positions of the inputs that are rounded; the others are shapes. */
const PRODUCTS: Readonly<Record<string, readonly number[]>> = {
  Conv2D: [0, 1],
  Conv2DBackpropFilter: [0, 2],
  Conv2DBackpropInput: [1, 2],
  MatMul: [0, 1],
  BatchMatMulV2: [0, 1],
};

/** TensorFlow's number of the type, which the binding does not name. */
const TF_BFLOAT16 = 14;

/** The members of the backend that its type declarations hide. */
type Backend = Pick<NodeJSKernelBackend, 'binding' | 'executeSingleOutput'> & {
  getInputTensorIds(tensors: readonly tf.TensorInfo[]): number[];
  createOutputTensor(handle: { id: number; shape: number[]; dtype: number }): tf.Tensor;
};

function backend(): Backend {
  return tf.backend() as unknown as Backend;
}

/** What products are computed in. */
export type ProductType = 'float32' | 'bfloat16';

let current: ProductType = 'float32';

/** What products are computed in now. */
export function productType(): ProductType {
  return current;
}

/**
 * Sets what products are computed in from now on; float32 leaves the stock kernels alone. A step that
 * was recorded keeps what it was recorded with.
 */
export function computeProductsIn(type: ProductType): void {
  current = type;
  const own = backend();
  // The stock method is on the prototype: it comes back as the override goes.
  Reflect.deleteProperty(own, 'executeSingleOutput');
  if (type === 'float32') return;
  const stock = own.executeSingleOutput;
  own.executeSingleOutput = (name, attributes, inputs) => {
    const rounded = PRODUCTS[name];
    const isFloat = rounded?.every((position) => inputs[position]?.dtype === 'float32');
    if (rounded === undefined || isFloat !== true) {
      return stock.call(own, name, attributes, inputs);
    }
    return roundedProduct(name, attributes, inputs, rounded);
  };
}

function roundedProduct(
  name: string,
  attributes: readonly Attribute[],
  inputs: readonly tf.TensorInfo[],
  rounded: readonly number[],
): tf.Tensor {
  // Asked anew each time: while a step is recorded, another binding listens.
  const { binding } = backend();
  const between: number[] = [];
  const run = (operation: string, settings: Attribute[], ids: number[]) => {
    const [output] = binding.executeOp(operation, settings, ids, 1);
    return output as { id: number; shape: number[]; dtype: number };
  };
  const type = (name: string, value: number): Attribute => {
    return { name, type: binding.TF_ATTR_TYPE, value };
  };
  const cast = (id: number, from: number, to: number) => {
    return run('Cast', [type('SrcT', from), type('DstT', to)], [id]);
  };
  try {
    const ids = backend().getInputTensorIds(inputs);
    for (const position of rounded) {
      const { id } = cast(ids[position] as number, binding.TF_FLOAT, TF_BFLOAT16);
      between.push(id);
      ids[position] = id;
    }
    const others = attributes.filter((attribute) => attribute.name !== 'T');
    const { id } = run(name, [...others, type('T', TF_BFLOAT16)], ids);
    between.push(id);
    return backend().createOutputTensor(cast(id, TF_BFLOAT16, binding.TF_FLOAT));
  } finally {
    for (const id of between) binding.deleteTensor(id);
  }
}
