import { KdxError } from '../../leg/errors.ts';
import { RESNETS } from '../../study/models/resnet.ts';
import { WIDE_RESNETS } from '../../study/models/wide-resnet.ts';
import { tf } from '../engine/backend.ts';
import type { Body, Builder } from '../engine/builder.ts';
import { createBuilder } from '../engine/builder.ts';
import type { Initialiser, Network, NetworkOptions } from '../engine/network.ts';
import { buildHme } from './explainer/hme.ts';
import { requireDivisible } from './options.ts';
import { buildResNet } from './resnet.ts';
import { createVam } from './vam.ts';
import { buildWideResNet } from './wide-resnet.ts';

type Build = (builder: Builder) => Body;

/** The models of a family, each with its settings bound. */
function family<Settings>(
  models: Readonly<Record<string, Settings>>,
  build: (builder: Builder, settings: Settings) => Body,
): [string, Build][] {
  return Object.entries(models).map(([name, settings]) => [
    name,
    (builder) => build(builder, settings),
  ]);
}

const MODELS: ReadonlyMap<string, Build> = new Map([
  ...family(RESNETS, buildResNet),
  ...family(WIDE_RESNETS, buildWideResNet),
  ['hme_ltb', buildHme],
]);

/** Names that `buildNetwork` accepts. */
export const modelNames: readonly string[] = [...MODELS.keys()];

/**
 * Builds a network with its variables.
 *
 * @throws KdxError SpecInvalid where the model is unknown or an option does not suit it
 */
export function buildNetwork(options: NetworkOptions, initialise: Initialiser): Network {
  const build = MODELS.get(options.model);
  if (build === undefined) {
    const allowed = modelNames.join(', ');
    throw new KdxError('SpecInvalid', `model is ${options.model}; allowed: ${allowed}.`);
  }
  requireDivisible('classes', options.classes, 1);
  const builder = createBuilder(options, initialise);
  if (options.vam === undefined) return builder.finish(build(builder));

  const vam = createVam(builder, options.vam);
  const body = build({ ...builder, gateKernel: vam.gateKernel });
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
