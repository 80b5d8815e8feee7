import { KdxError } from '../../leg/errors.ts';
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

function resnet(depth: number): Build {
  return (builder) => buildResNet(builder, { depth, stem: 16, stages: [16, 32, 64] });
}

function resnetX4(depth: number): Build {
  return (builder) => buildResNet(builder, { depth, stem: 32, stages: [64, 128, 256] });
}

function wideResNet(depth: number, width: number): Build {
  return (builder) => buildWideResNet(builder, { depth, width });
}

const MODELS: ReadonlyMap<string, Build> = new Map([
  ['resnet8', resnet(8)],
  ['resnet14', resnet(14)],
  ['resnet20', resnet(20)],
  ['resnet32', resnet(32)],
  ['resnet44', resnet(44)],
  ['resnet56', resnet(56)],
  ['resnet110', resnet(110)],
  ['resnet8x4', resnetX4(8)],
  ['resnet32x4', resnetX4(32)],
  ['wrn_16_1', wideResNet(16, 1)],
  ['wrn_16_2', wideResNet(16, 2)],
  ['wrn_40_1', wideResNet(40, 1)],
  ['wrn_40_2', wideResNet(40, 2)],
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
