import { KdxError } from '../../leg/errors.ts';
import { MODEL_NAMES, type AnyModel } from '../../study/models/models.ts';
import { MODELS } from '../../study/models/registry.ts';
import { tf } from '../engine/backend.ts';
import type { Body, Builder } from '../engine/builder.ts';
import { createBuilder } from '../engine/builder.ts';
import type { Initialiser, Network, NetworkOptions } from '../engine/network.ts';
import { requireDivisible } from './options.ts';
import { ADD_ONS, BUILDERS } from './registry.ts';

/** A builder a family, each for the settings of its own. */
type Builders = {
  readonly [Family in AnyModel['family']]: (
    builder: Builder,
    settings: Extract<AnyModel, { readonly family: Family }>['settings'],
  ) => Body;
};

const builders: Builders = BUILDERS;

/** @throws KdxError SpecInvalid where the model is unknown */
function modelOf(name: string): AnyModel {
  const known = MODEL_NAMES.find((candidate) => candidate === name);
  if (known !== undefined) return MODELS[known];
  throw new KdxError('SpecInvalid', `model is ${name}; allowed: ${MODEL_NAMES.join(', ')}.`);
}

/**
 * Builds a network with its variables.
 *
 * @throws KdxError SpecInvalid where the model is unknown or an option does not suit it
 */
export function buildNetwork(options: NetworkOptions, initialise: Initialiser): Network {
  const { family, settings } = modelOf(options.model);
  requireDivisible('classes', options.classes, 1);
  // `Builders` pairs family and settings; TypeScript cannot follow the pair through a variable.
  const build = builders[family] as (builder: Builder, of: typeof settings) => Body;
  const builder = createBuilder(options, initialise);
  if (options.vam === undefined) return builder.finish(build(builder, settings));

  const vam = ADD_ONS.vam.create(builder, options.vam);
  const body = build({ ...builder, gateKernel: vam.gateKernel }, settings);
  vam.requireUse();
  return builder.finish((images, pass) => {
    const attention = vam.begin();
    const forward = body(images, { ...pass, attention });
    return { ...forward, vamEntropy: vam.entropy(attention) };
  });
}

/** Trainable parameters and multiply-adds per image of a network, without keeping it. */
export function networkCost(options: NetworkOptions): {
  readonly parameterCount: number;
  readonly multiplyAdds: number;
} {
  const zeros: Initialiser = (_name, shape) =>
    new Float32Array(shape.reduce((product, size) => product * size, 1));
  return tf.tidy(() => {
    const network = buildNetwork(options, zeros);
    const { parameterCount, multiplyAdds } = network;
    network.dispose();
    return { parameterCount, multiplyAdds };
  });
}

/** Trainable parameters of a model for a number of classes, at 32 × 32 pixels. */
export function parameterCount(model: string, classes: number): number {
  return networkCost({ model, classes, imageSize: 32 }).parameterCount;
}
