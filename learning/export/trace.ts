import { KdxError } from '../../leg/errors.ts';
import { tf } from '../engine/backend.ts';
import { intercept, type Execution, type Listener } from '../engine/recorder/interception.ts';
import type { Constant as HostConstant } from '../engine/recorder/graph.ts';
import { handleOf, native } from '../engine/recorder/native.ts';
import type { StoredTensor } from '../engine/safetensors.ts';
import { constantsOf, inputsOf, type Description, type Operation } from './description.ts';
import { RULES } from './rules.ts';
import { strange, type Call, type Constant, type Draft, type Known } from './translation.ts';

/** What is traced: a forward pass, and the variables that it reads, by name. */
export type Traced = {
  readonly imageSize: number;
  readonly classes: number;
  readonly forward: (images: tf.Tensor4D) => tf.Tensor2D;
  readonly variables: ReadonlyMap<string, tf.Variable>;
};

const CHANNELS = 3;
/** Whatever differs between batches of these sizes follows the number of images. */
const BATCHES = [2, 3] as const;

/**
 * Writes a forward pass down as a list of standard operations, by listening to what TensorFlow is asked
 * for while it runs. Twice, for the sizes that follow the number of images.
 *
 * @throws KdxError CodeBug where it does what no operation here stands for
 */
export function traceNetwork(traced: Traced): Description {
  const [first, second] = [traceBatch(traced, BATCHES[0]), traceBatch(traced, BATCHES[1])];
  return { ...first, operations: unify(first.operations, second.operations) };
}

function traceBatch(
  { imageSize, classes, forward, variables }: Traced,
  batch: number,
): Description {
  let traced!: Pick<Description, 'operations' | 'constants'>;
  tf.tidy(() => {
    const images = tf.zeros<tf.Rank.R4>([batch, imageSize, imageSize, CHANNELS]);
    const tracing = startTracing(variables, images);
    traced = tracing.finish(intercept(tracing.listener, () => forward(images)));
  });
  return { imageSize, classes, ...traced };
}

function startTracing(variables: Traced['variables'], images: tf.Tensor4D) {
  const known = new Map<number, Known>();
  const draft = startDraft((id) => known.delete(id));
  for (const [name, variable] of variables) {
    const values = Float32Array.from(variable.dataSync<'float32'>());
    const tensor = { shape: variable.shape, values };
    known.set(handleOf(variable).id, { is: 'constant', tensor, name });
  }
  known.set(handleOf(images).id, draft.add({ kind: 'images' }, images.shape, 'images'));

  const ran = ({ operation, attributes, inputs: ids, outputs }: Execution): void => {
    const inputs = ids.map((id) => known.get(id) ?? { is: 'lost' as const });
    const call = { operation, attributes, ids, inputs, outputs } as Call;
    const found = inputs.every(({ is }) => is === 'constant')
      ? constantsFrom(call)
      : RULES[operation]?.(call, draft);
    if (found === undefined) throw strange(call);
    for (const [at, { id }] of outputs.entries()) known.set(id, found[at] as Known);
  };
  const listener: Listener = {
    ...{ wrote: () => undefined, uses: () => undefined, runs: () => undefined },
    reads: () => undefined,
    uploaded: (id, constant) => known.set(id, { is: 'constant', tensor: storedOf(constant) }),
    ran,
  };
  return {
    listener,
    finish: (output: tf.Tensor) => {
      const last = known.get(handleOf(output).id);
      if (last?.is === 'value') return draft.endingIn(last.name);
      throw new KdxError('CodeBug', 'The network gives no logits of its images.');
    },
  };
}

function storedOf({ shape, values }: HostConstant): StoredTensor {
  return { shape, values: Float32Array.from(values as unknown as ArrayLike<number>) };
}

/** What is computed of constants alone is one. Another shape does not change whose values they are. */
function constantsFrom({ operation, inputs, outputs }: Call): readonly Constant[] {
  const { binding } = native();
  const name = operation === 'Reshape' ? (inputs[0] as Constant).name : undefined;
  return outputs.map(({ id, shape }) => {
    const values = Float32Array.from(binding.tensorDataSync(id));
    return { is: 'constant', tensor: { shape, values }, ...(name === undefined ? {} : { name }) };
  });
}

type DraftOf = Draft & {
  /** The description of one operation and of all that it needs. */
  readonly endingIn: (name: string) => Pick<Description, 'operations' | 'constants'>;
};

function startDraft(consume: Draft['consume']): DraftOf {
  const operations = new Map<string, Operation>();
  const constants = new Map<string, StoredTensor>();
  const free = (name: string): string => {
    for (let count = 1; ; count += 1) {
      if (!operations.has(`${name}${count}`) && !constants.has(`${name}${count}`))
        return `${name}${count}`;
    }
  };
  const put = (operation: Operation) => {
    operations.set(operation.name, operation);
    return { is: 'value', name: operation.name } as const;
  };
  const operationOf = (name: string): Operation => {
    const operation = operations.get(name);
    if (operation !== undefined) return operation;
    throw new KdxError('CodeBug', `No operation ${name} has been traced.`);
  };
  return {
    consume,
    operationOf,
    replace: put,
    add: (work, shape, name) => put({ ...work, name: name ?? free(work.kind), shape }),
    store: ({ name, tensor }, fallback) => {
      const stored = name ?? (constants.has(fallback) ? free(fallback) : fallback);
      constants.set(stored, tensor);
      return stored;
    },
    endingIn: (name) => {
      const needed = needsOf(name, operationOf);
      const live = [...operations.values()].filter((operation) => needed.has(operation.name));
      const names = new Set(live.flatMap((operation) => Object.values(constantsOf(operation))));
      const entries = [...constants].filter(([constant]) => names.has(constant));
      return { operations: live, constants: new Map(entries) };
    },
  };
}

/** An operation and all that lead to it: what nobody reads is left out. */
function needsOf(name: string, operationOf: (name: string) => Operation): ReadonlySet<string> {
  const needed = new Set<string>();
  const waiting = [name];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (needed.has(next)) continue;
    needed.add(next);
    waiting.push(...inputsOf(operationOf(next)));
  }
  return needed;
}

/** One list of two that differ in the sizes that follow the number of images alone. */
function unify(first: readonly Operation[], second: readonly Operation[]): readonly Operation[] {
  return first.map((operation, at) => {
    const other = second[at];
    const shape = operation.shape.map((size, axis) => (size === other?.shape[axis] ? size : -1));
    const unified = { ...operation, shape };
    if (JSON.stringify(unified) === JSON.stringify({ ...other, shape })) return unified;
    throw new KdxError('CodeBug', `${operation.name} is another with other images.`);
  });
}
