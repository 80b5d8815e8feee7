import type { OnnxOutline } from '../../formats/onnx-reader.ts';
import type { OnnxFacts } from '../../study/onnx-facts.ts';

/** A convolution or product with a constant: what one value that it gives takes. */
export type Product = {
  readonly output: string;
  /** Multiply-adds of one value. */
  readonly each: number;
};

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Multiply-adds of one value by the kernel: [out, in / groups, k, k] of a convolution; of a matrix
 * whatever of it is not the output's last axis.
 */
function eachOf(operation: string, [first = 1, ...rest]: readonly number[]): number | undefined {
  if (operation === 'Conv') return sizeOf(rest);
  if (operation === 'MatMul' && rest.length === 1) return first;
  return undefined;
}

/** The convolutions and products of a network. One of two values, as attention has it, is left out. */
export function productsOf({ nodes, constants }: OnnxOutline): readonly Product[] {
  return nodes.flatMap(({ operation, inputs, outputs: [output] }) => {
    const kernel = constants.get(inputs[1] ?? '');
    if (kernel === undefined || output === undefined) return [];
    // A Gemm may have its matrix either way round: the bias says which of both is the output.
    const bias = constants.get(inputs[2] ?? '');
    const gemm = sizeOf(kernel) / (bias === undefined ? Math.min(...kernel) : sizeOf(bias));
    const each = operation === 'Gemm' ? gemm : eachOf(operation, kernel);
    return each === undefined ? [] : [{ output, each }];
  });
}

/** @param sizes shape of each product's output for `batch` images */
export function multiplyAddsIn(
  { constants }: OnnxOutline,
  products: readonly Product[],
  sizes: ReadonlyMap<string, readonly number[]>,
  batch: number,
): Pick<OnnxFacts, 'parameters' | 'multiplyAdds' | 'activations'> {
  const parameters = [...constants.values()].reduce((sum, shape) => sum + sizeOf(shape), 0);
  const values = products.map(({ output }) => sizeOf(sizes.get(output) ?? []) / batch);
  const used = products.reduce((sum, { each }, at) => sum + each * (values[at] ?? 0), 0);
  return {
    parameters,
    // A network of other operations uses each of its parameters once at least.
    multiplyAdds: Math.max(Math.round(used), parameters),
    activations: Math.round(values.reduce((sum, value) => sum + value, 0)),
  };
}
