/**
 * A network as a list of standard operations, which every format can be written from. Maps are NHWC,
 * kernels HWIO. Size −1 in a shape is the one that follows the number of images.
 */
import type { StoredTensor } from '../engine/safetensors.ts';

/** Window, stride and zeros around the map, alike in both directions. */
type Window = { readonly size: number; readonly stride: number; readonly padding: number };

/** What an operation does; `input` and `inputs` name operations, other names are of constants. */
type Work =
  /** The normalised images [B, S, S, 3]. */
  | { readonly kind: 'images' }
  /** Symmetric padding; kernel [k, k, channels / groups, outputs], bias [outputs]. */
  | {
      readonly kind: 'convolution';
      readonly input: string;
      readonly kernel: string;
      readonly bias?: string;
      readonly stride: number;
      readonly padding: number;
      readonly groups: number;
    }
  /** factor · x + offset by channel, the last axis; what is absent is 1 and 0. */
  | {
      readonly kind: 'scale';
      readonly input: string;
      readonly factor?: string;
      readonly offset?: string;
    }
  | { readonly kind: 'relu'; readonly input: string }
  | { readonly kind: 'add' | 'subtract'; readonly inputs: readonly [string, string] }
  /** One after another along the last axis. */
  | { readonly kind: 'concat'; readonly inputs: readonly string[] }
  /** `count` of the last axis, from `from` on. */
  | {
      readonly kind: 'slice';
      readonly input: string;
      readonly from: number;
      readonly count: number;
    }
  /** Channel g·n + j of `groups` groups of n becomes channel j·groups + g. */
  | { readonly kind: 'shuffle'; readonly input: string; readonly groups: number }
  | { readonly kind: 'maxPool'; readonly input: string; readonly window: Window }
  /** Zeros of the padding count. */
  | { readonly kind: 'averagePool'; readonly input: string; readonly window: Window }
  /** Over height and width. */
  | { readonly kind: 'mean'; readonly input: string }
  /** [B, inputs] by [inputs, outputs]; or one for each of K, [K, B, inputs] by [K, inputs, outputs]. */
  | {
      readonly kind: 'linear';
      readonly input: string;
      readonly kernel: string;
      readonly bias?: string;
    }
  /** A map as rows [B, C·S·S], the channel outermost. */
  | { readonly kind: 'flatten'; readonly input: string }
  | { readonly kind: 'reshape'; readonly input: string }
  /** Along a new first axis. */
  | { readonly kind: 'stack'; readonly inputs: readonly string[] }
  /** Over the last axis. */
  | { readonly kind: 'largest'; readonly input: string }
  /** Of a matrix. */
  | { readonly kind: 'transpose'; readonly input: string };

/** One operation with one output, which has its name. */
export type Operation = Work & { readonly name: string; readonly shape: readonly number[] };

export type Kind = Operation['kind'];
export type OperationOf<K extends Kind> = Extract<Operation, { readonly kind: K }>;

/** A network for inference: operations in an order in which they can run, the logits last. */
export type Description = {
  readonly imageSize: number;
  readonly classes: number;
  readonly operations: readonly Operation[];
  readonly constants: ReadonlyMap<string, StoredTensor>;
};

/** Names of the operations that an operation reads. */
export function inputsOf(operation: Operation): readonly string[] {
  if ('inputs' in operation) return operation.inputs;
  return 'input' in operation ? [operation.input] : [];
}

/** Names of the constants that it reads, by what they are to it. */
export function constantsOf(operation: Operation): Readonly<Record<string, string>> {
  const roles = ['kernel', 'bias', 'factor', 'offset'] as const;
  const of = operation as Partial<Record<(typeof roles)[number], string>>;
  return Object.fromEntries(
    roles.flatMap((role) => {
      const name = of[role];
      return name === undefined ? [] : [[role, name]];
    }),
  );
}
