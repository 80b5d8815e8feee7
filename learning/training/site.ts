import type { Memory, Pair, RunPosition, Site } from '../../distillers/contract.ts';
import { tf } from '../engine/backend.ts';
import {
  createModules,
  type ModuleBuilder,
  type Modules,
  type ModulesBuilder,
} from '../engine/builder.ts';
import { withoutGradient } from '../engine/gradients.ts';
import { createHelperLayers } from '../engine/helper-layers.ts';
import { seededInitialiser } from '../engine/initialise.ts';
import type { Initialiser } from '../engine/network.ts';
import { dataType, operation } from '../engine/operation.ts';
import { stream, type Seed } from '../engine/random.ts';

/** What the loss terms of one training are built from. */
export type Ground = {
  readonly pair: Pair;
  /** Classes of the training images, by row of the training split. */
  readonly classOfRow: Int32Array;
  readonly seeds: { readonly init: Seed; readonly data: Seed };
  /** Values that the tensors of what stays with the student have; drawn where absent. */
  readonly stored?: Initialiser;
  /** Tensors of the teacher by name, where a method takes some; zero where absent. */
  readonly teacherTensor?: (name: string) => Float32Array;
};

/** What loss terms have asked for while they were built. */
export type Sites = {
  /** The site of the term `name`. */
  readonly of: (name: string) => Site;
  /** Names of the parameters that are trained in the phase before the training alone. */
  readonly early: ReadonlySet<string>;
  /** Parameters, statistics and memories of all helpers; names begin with that of the term. */
  readonly built: () => Modules;
  /** The same of what stays with the student. */
  readonly head: () => Modules;
  /** The fed tensors of one step: scalars and seeds. The caller disposes them. */
  readonly feedsAt: (position: RunPosition) => Readonly<Record<string, tf.Tensor>>;
  /** Gives memories their next values; behind the update. */
  readonly replaceMemories: () => void;
  readonly dispose: () => void;
};

/** Below it lie the integers that are drawn. */
const INT32_MAX = 2 ** 31 - 1;

/** Every name of a term begins with this, in checkpoints and in streams of random numbers. */
const FOLDER = 'distillers';

function drawn(shape: readonly number[], seed: tf.Tensor): tf.Tensor {
  return operation(
    'StatelessRandomUniformInt',
    [dataType('dtype', 'int32'), dataType('T', 'int32'), dataType('Tseed', 'int32')],
    [tf.tensor1d([...shape], 'int32'), seed, tf.scalar(0, 'int32'), tf.scalar(INT32_MAX, 'int32')],
  );
}

/** Builders of helper modules, with everything they ask for in one place. */
export function createSites(ground: Ground): Sites {
  const { pair, classOfRow, seeds } = ground;
  const seeded = seededInitialiser((name) => stream(seeds.init, name));
  const modules = createModules('The loss', seeded);
  const head = createModules('The head', ground.stored ?? seeded);
  const feeds = new Map<string, (position: RunPosition) => tf.Tensor>();
  const tables: tf.Variable[] = [];
  const early = new Set<string>();
  const memories = createMemories();

  const of = (term: string): Site => {
    const named = (name: string): string => `${FOLDER}/${term}/${name}`;
    const builder = namedBuilder(modules, named);
    return {
      ...{ ...pair, tf, withoutGradient, classOfRow },
      layers: createHelperLayers(builder),
      before: {
        layers: createHelperLayers({
          ...builder,
          parameter: (name, ...rest) => {
            early.add(named(name));
            return builder.parameter(name, ...rest);
          },
        }),
      },
      head: {
        layers: createHelperLayers(namedBuilder(head, named)),
        classifier: () => createClassifier(head, named, ground),
      },
      parameter: (name, shape, initial) => builder.parameter(name, shape, initial),
      memory: (name, shape, initial) =>
        memories.keep(modules.untrained(named(name), shape, initial)),
      table: (values) => {
        const table = tf.tidy(() => tf.variable(tf.tensor1d(values, 'int32'), false));
        tables.push(table);
        return table;
      },
      scalar: (name, at) => {
        feeds.set(named(name), (position) => tf.scalar(at(position)));
        return ({ fed }) => fed[named(name)] as tf.Scalar;
      },
      draw: (name) => {
        feeds.set(named(name), ({ epoch, step }) => {
          const words = stream(seeds.data, `${named(name)}/${epoch}/${step}`).words(2);
          return tf.tensor1d(new Int32Array(words), 'int32');
        });
        return ({ fed }, shape) => drawn(shape, fed[named(name)] as tf.Tensor);
      },
    };
  };
  return {
    of,
    early,
    built: modules.built,
    head: head.built,
    feedsAt: (position) =>
      Object.fromEntries([...feeds].map(([name, at]) => [name, at(position)] as const)),
    replaceMemories: memories.replaceAll,
    dispose: () => {
      memories.dispose();
      modules.built().dispose();
      head.built().dispose();
      tf.dispose(tables);
    },
  };
}

/** A builder whose tensors are named in a folder. */
function namedBuilder(modules: ModulesBuilder, named: (name: string) => string): ModuleBuilder {
  return {
    ...modules,
    parameter: (name, ...rest) => modules.parameter(named(name), ...rest),
    statistic: (name, ...rest) => modules.statistic(named(name), ...rest),
  };
}

/** A linear layer of the teacher, which stays as it is. */
function createClassifier(
  head: ModulesBuilder,
  named: (name: string) => string,
  { pair: { teacher, classes }, stored, teacherTensor }: Ground,
): (embedded: tf.Tensor2D) => tf.Tensor2D {
  const inputs = teacher.embedding ?? 0;
  const taken = (part: string, shape: readonly number[]): tf.Variable => {
    const name = `classifier/${part}`;
    const variable = head.untrained(named(name), shape, { kind: 'constant', value: 0 });
    const values = stored === undefined ? teacherTensor?.(name) : undefined;
    if (values !== undefined) tf.tidy(() => variable.assign(tf.tensor(values, [...shape])));
    return variable;
  };
  const kernel = taken('kernel', [inputs, classes]);
  const bias = taken('bias', [classes]);
  head.countMultiplyAdds('classifier', inputs * classes);
  return (embedded) => tf.add(tf.matMul(embedded, kernel as unknown as tf.Tensor2D), bias);
}

/** Memories whose next values wait until the parameters have been updated. */
function createMemories() {
  const waiting = new Map<tf.Variable, tf.Tensor>();
  return {
    keep: <T extends tf.Tensor>(variable: tf.Variable): Memory<T> => ({
      value: () => variable as unknown as T,
      replace: (next) => {
        waiting.get(variable)?.dispose();
        waiting.set(variable, tf.keep(tf.clone(next as tf.Tensor)));
      },
    }),
    replaceAll: () => {
      for (const [variable, next] of waiting) {
        variable.assign(next);
        next.dispose();
      }
      waiting.clear();
    },
    dispose: () => tf.dispose([...waiting.values()]),
  };
}
