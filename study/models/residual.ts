import type { LayerShape } from './family.ts';

/** One residual block, as far as its shapes go. */
type BlockShape = {
  /** Height and width of its input. */
  readonly size: number;
  readonly stride: number;
  readonly inputs: number;
  readonly outputs: number;
};

/** The 1 × 1 convolution on a shortcut, wherever the shape changes. */
function projection({ size, stride, inputs, outputs }: BlockShape): LayerShape[] {
  if (stride === 1 && inputs === outputs) return [];
  return [{ size: size / stride, kernelSize: 1, inputs, outputs }];
}

/** Two 3 × 3 convolutions and a shortcut. */
export function basicLayers(block: BlockShape): LayerShape[] {
  const { size, stride, inputs, outputs } = block;
  const out = { size: size / stride, kernelSize: 3, outputs };
  return [{ ...out, inputs }, { ...out, inputs: outputs }, ...projection(block)];
}

/** 1 × 1, 3 × 3 and 1 × 1 convolutions and a shortcut; `width` is what lies between them. */
export function bottleneckLayers(block: BlockShape & { readonly width: number }): LayerShape[] {
  const { size, stride, inputs, outputs, width } = block;
  const after = size / stride;
  return [
    { size, kernelSize: 1, inputs, outputs: width },
    { size: after, kernelSize: 3, inputs: width, outputs: width },
    { size: after, kernelSize: 1, inputs: width, outputs },
    ...projection(block),
  ];
}

/** Two 3 × 3 convolutions; a 1 × 1 on the shortcut where the number of channels changes. */
export function preActivationLayers({ size, stride, inputs, outputs }: BlockShape): LayerShape[] {
  const out = { size: size / stride, outputs };
  return [
    { ...out, kernelSize: 3, inputs },
    { ...out, kernelSize: 3, inputs: outputs },
    ...(inputs === outputs ? [] : [{ ...out, kernelSize: 1, inputs }]),
  ];
}
