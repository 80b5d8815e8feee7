/** What a network can be exported as. */
export const FORMATS = ['safetensors', 'tfjs', 'onnx', 'savedmodel'] as const;
export type Format = (typeof FORMATS)[number];
