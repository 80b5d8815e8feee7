import { KdxError } from '../../leg/errors.ts';
import { tf } from './backend.ts';
import type {
  Forward,
  Initial,
  Initialiser,
  Network,
  NetworkOptions,
  Parameter,
  ParameterGroup,
  Pass,
} from './network.ts';

/** What VAM shares and collects within one forward pass (`models/vam.ts`). */
export type Attention = {
  readonly temperature: tf.Scalar;
  /** Normalised entropies, one tensor [consumers] per convolution. */
  readonly entropies: tf.Tensor1D[];
};

/** A pass, with what modules share within it. */
export type Context = Pass & { readonly attention?: Attention };

/** Height, width, input channels (with groups: those of one) and output channels of a kernel. */
export type KernelShape = readonly [number, number, number, number];

/** Turns the stored kernel into the one that convolves. */
export type KernelGate = (kernel: tf.Tensor4D, context: Context) => tf.Tensor4D;

/** What layers are built with: it hands out variables and counts their cost. */
export type ModuleBuilder = {
  readonly parameter: (
    name: string,
    shape: readonly number[],
    initial: Initial,
    group?: ParameterGroup,
  ) => tf.Variable;
  readonly statistic: (name: string, shape: readonly number[], value: number) => tf.Variable;
  /** Multiply-adds of the layer of this name, for one image. */
  readonly countMultiplyAdds: (layer: string, count: number) => void;
};

/** What a model is built with. */
export type Builder = ModuleBuilder & {
  readonly options: NetworkOptions;
  /** Attention on a kernel, where the network has it and the kernel is large enough for it. */
  readonly gateKernel?: (
    name: string,
    shape: KernelShape,
    groups: number,
  ) => KernelGate | undefined;
};

/** A model's forward pass over the variables it was built with. */
export type Body = (images: tf.Tensor4D, context: Context) => Forward;

/** A builder, and the network it becomes once its body is known. */
export type NetworkBuilder = Builder & { readonly finish: (body: Body) => Network };

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The variables of some modules, by name in the order of construction, and what they cost. */
export type Modules = Pick<
  Network,
  'trainable' | 'statistics' | 'multiplyAdds' | 'layerCosts' | 'parameterCount' | 'dispose'
>;

/** A builder of modules, and what has been built with it so far. */
export type ModulesBuilder = ModuleBuilder & {
  /** A variable without gradient that starts as `initial` says. */
  readonly untrained: (name: string, shape: readonly number[], initial: Initial) => tf.Variable;
  readonly built: () => Modules;
};

/** @param owner what messages call the whole */
export function createModules(owner: string, initialise: Initialiser): ModulesBuilder {
  const trainable = new Map<string, Parameter>();
  const statistics = new Map<string, tf.Variable>();
  const layerCosts = new Map<string, number>();

  const variable = (
    name: string,
    shape: readonly number[],
    initial: Initial,
    isTrainable: boolean,
  ): tf.Variable => {
    if (trainable.has(name) || statistics.has(name)) {
      throw new KdxError('CodeBug', `${owner} names two of its tensors ${name}.`);
    }
    const values = initialise(name, shape, initial);
    if (values.length !== sizeOf(shape)) {
      const wanted = `${sizeOf(shape)} values of shape [${shape.join(', ')}]`;
      throw new KdxError('CodeBug', `${name} was given ${values.length} values, not ${wanted}.`);
    }
    return tf.tidy(() => tf.variable(tf.tensor(values, [...shape], 'float32'), isTrainable));
  };
  const untrained: ModulesBuilder['untrained'] = (name, shape, initial) => {
    const created = variable(name, shape, initial, false);
    statistics.set(name, created);
    return created;
  };

  return {
    parameter: (name, shape, initial, group = 'weights') => {
      const parameter = { name, group, variable: variable(name, shape, initial, true) };
      trainable.set(name, parameter);
      return parameter.variable;
    },
    statistic: (name, shape, value) => untrained(name, shape, { kind: 'constant', value }),
    untrained,
    countMultiplyAdds: (layer, count) => {
      layerCosts.set(layer, count);
    },
    built: () => ({
      trainable,
      statistics,
      layerCosts,
      multiplyAdds: [...layerCosts.values()].reduce((sum, count) => sum + count, 0),
      parameterCount: [...trainable.values()].reduce((sum, p) => sum + p.variable.size, 0),
      dispose: () => {
        for (const { variable } of trainable.values()) variable.dispose();
        for (const statistic of statistics.values()) statistic.dispose();
      },
    }),
  };
}

/** Starts a network whose variables take their first values from `initialise`. */
export function createBuilder(options: NetworkOptions, initialise: Initialiser): NetworkBuilder {
  const modules = createModules(options.model, initialise);
  return {
    ...modules,
    options,
    finish: (body) => ({ ...modules.built(), options, forward: body }),
  };
}
