import { KdxError } from '../leg/errors.ts';
import { EXPLAINER_NAMES } from '../study/models/models.ts';
import { sizesOf } from '../study/datasets.ts';
import type { InputChange } from '../study/imported-teacher.ts';
import type { ModelSpec, VamSpec } from '../study/schema.ts';
import type { GateMode, LegSpec, Trained, TrainSpec } from '../study/spec.ts';
import { tf } from './engine/backend.ts';
import { seededInitialiser } from './engine/initialise.ts';
import type { Initialiser, Network, NetworkOptions, Pass, Route } from './engine/network.ts';
import { seedIn, stream } from './engine/random.ts';
import { decodeTensors, type StoredTensor, type TensorFile } from './engine/safetensors.ts';
import { routeOf } from './models/explainer/route.ts';
import { buildNetwork } from './models/build.ts';
import { CLASSIFIER, withStoredHead } from './training/answering.ts';

/** A network and the way its gates work; `gates` is absent for networks without any. */
export type Gated = {
  readonly network: Network;
  readonly gates?: GateMode;
  /** Hard gates: the tree. */
  readonly route?: Route;
};

/** A network as it was stored. Soft gates keep the temperature of their last epoch. */
export type LoadedNetwork = Gated & { readonly inverseGateTemperature?: number };

/** The dataset of a spec, as far as a network's shapes go. */
export type DataShape = Pick<LegSpec['dataset'], 'name' | 'sizes'>;

/** Key of the weights' metadata that holds it. */
const GATE_TEMPERATURE = 'inverseGateTemperature';

export function networkOptions(
  model: ModelSpec,
  dataset: DataShape,
  vam?: VamSpec,
): NetworkOptions {
  const { classes, imageSize } = sizesOf(dataset);
  return {
    model: model.name,
    classes,
    imageSize,
    ...(model.width === undefined ? {} : { width: model.width }),
    ...(model.experts === undefined ? {} : { experts: model.experts }),
    ...(model.heads === undefined ? {} : { heads: model.heads }),
    ...(vam === undefined ? {} : { vam: { blockSize: vam.block } }),
  };
}

/** How the gates of a model work; soft unless the spec says otherwise. */
export function gateModeOf(model: ModelSpec, gates?: GateMode): GateMode | undefined {
  const isExplainer = EXPLAINER_NAMES.some((name) => name === model.name);
  if (isExplainer) return gates ?? 'soft';
  if (gates === undefined) return undefined;
  const allowed = `${EXPLAINER_NAMES.join(', ')}, or no gates`;
  throw new KdxError('SpecInvalid', `gates are ${gates} for ${model.name}; allowed: ${allowed}.`);
}

/**
 * The network of a training at its start. In the hard stage the weights come from streams of their
 * own and the gates from the soft stage, whose weights are not used (KDExplainer, stage 2).
 *
 * @param parent bytes of the soft stage's weights; hard stage only
 */
export function startNetwork(spec: TrainSpec, parent: Uint8Array | undefined): Gated {
  const gates = gateModeOf(spec.model, spec.gates);
  const options = networkOptions(spec.model, spec.dataset, spec.vam);
  const prefix = gates === 'hard' ? 'hard/' : '';
  const seed = seedIn(spec.seeds.init, spec.streams);
  const draw = (name: string) => stream(seed, `${prefix}${name}`);
  const network = buildNetwork(options, seededInitialiser(draw));
  if (gates !== 'hard') return gates === undefined ? { network } : { network, gates };
  if (parent === undefined) {
    throw new KdxError('SpecInvalid', 'parent is absent; allowed with hard gates: the soft stage.');
  }
  takeGates(network, decodeTensors(parent, `parent ${spec.parent?.weights}`), 'parent');
  return { network, gates, route: routeOf(network) };
}

function takeGates(network: Network, { tensors }: TensorFile, origin: string): void {
  for (const { name, group, variable } of network.trainable.values()) {
    if (group !== 'gates') continue;
    const values = valuesOf(tensors, name, variable.shape, origin);
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
  }
}

function valuesOf(
  tensors: ReadonlyMap<string, StoredTensor>,
  name: string,
  shape: readonly number[],
  origin: string,
): Float32Array {
  const stored = tensors.get(name);
  if (stored !== undefined && stored.shape.join() === shape.join()) return stored.values;
  const found = stored === undefined ? 'is not there' : `has shape [${stored.shape.join(', ')}]`;
  throw new KdxError(
    'CheckpointCorrupt',
    `${origin}: tensor ${name} ${found}; wanted shape [${shape.join(', ')}].`,
  );
}

/** A stored network, ready to predict. @throws KdxError CheckpointCorrupt where the bytes do not fit */
export function loadNetwork(
  trained: Trained,
  dataset: DataShape,
  bytes: Uint8Array,
): LoadedNetwork {
  const gates = gateModeOf(trained.model, trained.gates);
  const origin = `weights ${trained.weights}`;
  const { tensors, metadata } = decodeTensors(bytes, origin);
  const stored: Initialiser = (name, shape) => valuesOf(tensors, name, shape, origin);
  const options = networkOptions(trained.model, dataset, trained.vam);
  const network = withInputs(storedNetwork(trained, dataset, options, stored), trained.inputs);
  if (gates === undefined) return { network };
  if (gates === 'hard') return { network, gates, route: routeOf(network) };
  const inverseGateTemperature = Number(metadata[GATE_TEMPERATURE]);
  if (!(inverseGateTemperature > 0)) {
    const found = String(metadata[GATE_TEMPERATURE]);
    throw new KdxError(
      'CheckpointCorrupt',
      `${origin}: metadata ${GATE_TEMPERATURE} is ${found}; wanted a positive number.`,
    );
  }
  return { network, gates, inverseGateTemperature };
}

/** A network with its tensors, whose own classifier is not stored where it answers through another. */
function storedNetwork(
  { answering }: Pick<Trained, 'answering'>,
  dataset: DataShape,
  options: NetworkOptions,
  stored: Initialiser,
): Network {
  if (answering === undefined) return buildNetwork(options, stored);
  const body = buildNetwork(options, (name, shape, initial) =>
    name.startsWith(CLASSIFIER)
      ? new Float32Array(shape.reduce((product, size) => product * size, 1))
      : stored(name, shape, initial),
  );
  return withStoredHead(body, answering, dataset, stored);
}

/** A network that reads pixels of another normalisation: it changes them to its own first. */
function withInputs(network: Network, change: InputChange | undefined): Network {
  if (change === undefined) return network;
  const { scale, shift } = change;
  return {
    ...network,
    forward: (images, pass) => {
      const scaled = tf.mul(images, tf.tensor1d([...scale]));
      return network.forward(tf.add(scaled, tf.tensor1d([...shift])), pass);
    },
  };
}

/** A trained network as a file: all of its tensors, and how to read them. */
export function weightsFile(
  { network, gates }: Gated,
  tensors: ReadonlyMap<string, StoredTensor>,
  inverseGateTemperature: number,
): TensorFile {
  const metadata = {
    layout: 'NHWC, HWIO; flattened maps: channel outermost',
    model: network.options.model,
    ...(gates === undefined ? {} : { gates }),
    ...(gates === 'soft' ? { [GATE_TEMPERATURE]: String(inverseGateTemperature) } : {}),
  };
  return { tensors, metadata };
}

/** How a step runs a network; soft gates read their temperature from the feeds. */
export function passOf(
  { gates, route }: Gated,
  mode: Pass['mode'],
  { inverseGateTemperature }: { readonly inverseGateTemperature: tf.Scalar },
): Pass {
  return {
    mode,
    ...(route === undefined ? {} : { route }),
    ...(gates === 'soft' ? { inverseGateTemperature } : {}),
  };
}
