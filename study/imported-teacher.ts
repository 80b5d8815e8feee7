import type { ModelName } from './models/models.ts';
import type { OnnxFacts } from './onnx-facts.ts';

/** Mean and standard deviation by channel, of pixels in [0, 1]. */
export type ChannelMoments = { readonly mean: readonly number[]; readonly std: readonly number[] };

/**
 * A teacher that was trained elsewhere (`kdx teacher add`). Its canonical JSON is a blob, and what
 * determines a result of it (model, weights, normalisation) goes into the keys of those it teaches.
 */
export type ImportedTeacher = ImportedFacts & (ImportedNetwork | ImportedOnnx);

type ImportedFacts = {
  readonly schema: 1;
  readonly classes: number;
  /** Digest of its weights, in the form that trainings leave theirs in; of ONNX, of the file. */
  readonly weights: string;
  /** What it was trained with; absent: what the study normalises with. */
  readonly normalisation?: ChannelMoments;
  /** The file it came from. */
  readonly source: {
    readonly format: 'torch' | 'safetensors' | 'onnx';
    /** Whose names the tensors had. */
    readonly names: string;
    readonly digest: string;
    readonly bytes: number;
  };
};

type ImportedNetwork = { readonly model: { readonly name: ModelName } };

/** It is run as it is. */
type ImportedOnnx = {
  readonly onnx: OnnxFacts;
  /** Height and width of its images, where it takes no others. */
  readonly imageSize?: number;
};

/** A change of normalisation, by channel: `scale · x + shift`. */
export type InputChange = { readonly scale: readonly number[]; readonly shift: readonly number[] };

/**
 * From pixels as `from` normalises them to what `to` makes of them; undefined where both are the same
 * numbers.
 */
export function inputChange(from: ChannelMoments, to: ChannelMoments): InputChange | undefined {
  const isSame = [...from.mean, ...from.std].join() === [...to.mean, ...to.std].join();
  if (isSame) return undefined;
  const channels = [...from.mean.keys()];
  const value = (numbers: readonly number[], channel: number): number => numbers[channel] as number;
  return {
    scale: channels.map((c) => value(from.std, c) / value(to.std, c)),
    shift: channels.map((c) => (value(from.mean, c) - value(to.mean, c)) / value(to.std, c)),
  };
}
