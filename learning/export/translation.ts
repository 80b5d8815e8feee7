/** Operations of TensorFlow, ours in C++ included, as they come while a network runs: as a description. */
import { KdxError } from '../../leg/errors.ts';
import type { Handle, NativeAttribute } from '../engine/recorder/native.ts';
import type { StoredTensor } from '../engine/safetensors.ts';
import type { Operation } from './description.ts';

/** What is known of a tensor by its handle. */
export type Known =
  | Constant
  | Value
  /** Not yet an operation: the next one takes it in. */
  | { readonly is: 'padded'; readonly of: string; readonly padding: number }
  | { readonly is: 'thinned'; readonly of: string; readonly stride: number }
  /** A map with its channels in front. */
  | { readonly is: 'planes'; readonly of: string };

/** The same for all images; `name` where it is a variable of the network, whatever its shape here. */
export type Constant = {
  readonly is: 'constant';
  readonly tensor: StoredTensor;
  readonly name?: string;
};

/** What the operation of that name gives. */
export type Value = { readonly is: 'value'; readonly name: string };

/** One call of TensorFlow with what is known of its inputs. */
export type Call = {
  readonly operation: string;
  readonly ids: readonly number[];
  readonly inputs: readonly Known[];
  readonly outputs: readonly Handle[];
  readonly attributes: readonly NativeAttribute[];
};

/** An operation without the name and shape that it is given. */
export type Unnamed = Operation extends infer O
  ? O extends Operation
    ? Omit<O, 'name' | 'shape'>
    : never
  : never;

/** A description under way. */
export type Draft = {
  /** Adds an operation. @param name otherwise its kind with a number */
  readonly add: (work: Unnamed, shape: readonly number[], name?: string) => Value;
  /** Puts an operation in the place of the last one of its name. */
  readonly replace: (operation: Operation) => Value;
  readonly operationOf: (name: string) => Operation;
  /** Stores a constant and gives its name. @param fallback where it is no variable of the network */
  readonly store: (constant: Constant, fallback: string) => string;
  /** The input is part of another operation from now on, and nothing else may read it. */
  readonly consume: (id: number) => void;
};

/** @throws KdxError CodeBug: the network does what no format here has a word for */
export function strange({ operation, inputs, outputs }: Call): KdxError {
  const found = inputs.map(({ is }) => is).join(', ');
  const shape = outputs[0]?.shape.join(', ') ?? '';
  return new KdxError('CodeBug', `No export of ${operation}(${found}) to [${shape}].`);
}

export function constantAt(call: Call, position: number): Constant {
  const known = call.inputs[position];
  if (known?.is === 'constant') return known;
  throw strange(call);
}

export function valueAt(call: Call, position: number): string {
  const known = call.inputs[position];
  if (known?.is === 'value') return known.name;
  throw strange(call);
}

/** Values of a constant that says how an operation works: axes, sizes. */
export function numbersAt(call: Call, position: number): readonly number[] {
  return [...constantAt(call, position).tensor.values];
}

export function shapeOf({ outputs }: Call): readonly number[] {
  return outputs[0]?.shape ?? [];
}

/** An attribute of a call. */
export function attributeOf(call: Call, name: string): NativeAttribute['value'] | undefined {
  return call.attributes.find((attribute) => attribute.name === name)?.value;
}

/** `stage1/block1/conv1` of the variable `stage1/block1/conv1/kernel`. */
export function layerOf(name: string | undefined): string | undefined {
  return name?.replace(/\/[^/]+$/, '');
}

/** What the outputs of a call are; what the call itself is goes into the draft. */
export type Rule = (call: Call, draft: Draft) => readonly Known[];

/** A rule for a call with one output. */
export function one(rule: (call: Call, draft: Draft) => Known): Rule {
  return (call, draft) => [rule(call, draft)];
}
