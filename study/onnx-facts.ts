import { z } from 'zod';

const count = z.int().min(0);

/** What a leg has to know of a classifier in a file of ONNX, beside the file. */
export const onnxFactsSchema = z.strictObject({
  input: z.string().min(1),
  output: z.string().min(1),
  /** How it wants a batch of images: channels in front of height and width, or behind them. */
  layout: z.enum(['NCHW', 'NHWC']),
  /** Images of a batch, where it takes no other number. */
  batch: z.int().min(1).optional(),
  parameters: count,
  /** Of one image: multiply-adds of convolutions and products, and values that they give. */
  multiplyAdds: count,
  activations: count,
});

export type OnnxFacts = Readonly<z.output<typeof onnxFactsSchema>>;
