/** Networks that look as if they had been trained, exported as files. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

import { filesOf } from '../../../cli/export/files.ts';
import type { Format } from '../../../cli/export/format.ts';
import type { About } from '../../../cli/export/subject.ts';
import { tf } from '../../../learning/engine/backend.ts';
import { seededInitialiser } from '../../../learning/engine/initialise.ts';
import type { Network, NetworkOptions } from '../../../learning/engine/network.ts';
import { stream } from '../../../learning/engine/random.ts';
import { exportNetwork, type ExportedNetwork } from '../../../learning/export/network.ts';
import { routeOf } from '../../../learning/models/explainer/route.ts';
import type { LoadedNetwork } from '../../../learning/networks.ts';
import { withStoredHead } from '../../../learning/training/answering.ts';
import { EXPLAINER_NAMES, type ModelName } from '../../../study/models/models.ts';
import { randomNetwork, randomTensor } from '../../learning/networks.ts';

/** Moves a variable by noise of this size; `scaled`: by factors of it. */
function shake(variable: tf.Variable, name: string, size: number, scaled = false): void {
  tf.tidy(() => {
    const noise = tf.mul(randomTensor(variable.shape as [number], name), size);
    variable.assign(scaled ? tf.mul(variable, tf.exp(noise)) : tf.add(variable, noise));
  });
}

/** Moves batch norms, biases and attention away from where they start, and SimKD's classifier. */
function disturb(network: Network): void {
  for (const { name, group, variable } of network.trainable.values()) {
    if (group === 'vam') shake(variable, name, 1);
    else if (group === 'weights' && variable.rank < 2) shake(variable, name, 0.2);
    // The heads of an explainer start at next to nothing.
    else if (name.startsWith('heads/')) shake(variable, name, 0.1);
  }
  const isMoment = ([name]: [string, unknown]): boolean => /\/(mean|variance)$/.test(name);
  const moments = [...network.statistics].filter(isMoment);
  measure(network, moments);
  for (const [name, variable] of moments) shake(variable, name, 0.2, true);
  for (const [name, variable] of network.statistics) {
    if (!isMoment([name, variable])) shake(variable, name, 0.2);
  }
}

/** What a step of training keeps of older moments; the rest is what it found. */
const KEPT = 0.9;

/** Gives norms the moments that images have there: else deep networks answer alike to all of them. */
function measure(network: Network, moments: readonly (readonly [string, tf.Variable])[]): void {
  tf.tidy(() => {
    for (const [, variable] of moments) variable.assign(tf.zerosLike(variable));
    const { imageSize } = network.options;
    const images = randomTensor<tf.Rank.R4>([4, imageSize, imageSize, 3], 'images');
    network.forward(images, { mode: 'train', hardGates: true });
    for (const [, variable] of moments) variable.assign(tf.div(variable, 1 - KEPT));
  });
}

/** A network of a test: options of ten classes; behind other pixels; answering through SimKD's modules. */
export type Tried = Partial<NetworkOptions> & {
  readonly model: ModelName;
  readonly moved?: true;
  readonly answers?: true;
};

/** An explainer is the tree of its largest gates. */
export function trainedNetwork({ answers, moved: _moved, ...options }: Tried): LoadedNetwork {
  const body = randomNetwork(options);
  const network = answers === undefined ? body : withStoredHead(body, SIMKD, CIFAR, drawn);
  disturb(network);
  if (!EXPLAINER_NAMES.some((name) => name === options.model)) return { network };
  return { network, gates: 'hard', route: routeOf(network) };
}

const CIFAR = { name: 'cifar10' };
/** Its maps are half as large as those of a resnet8. */
const SIMKD = { distiller: { name: 'simkd', weight: 1, factor: 2 }, teacher: 'resnet18' } as const;
const drawn = seededInitialiser((name) => stream(1, name));

const CLASSES = 10;

export function aboutOf(model: string): About {
  const digest = 'd'.repeat(64);
  return {
    model,
    classNames: Array.from({ length: CLASSES }, (_, index) => `class ${index}`),
    imageSize: 32,
    normalisation: { preset: 'paper', mean: [0.5, 0.4, 0.3], sd: [0.25, 0.2, 0.2] },
    dataset: { name: 'cifar10', digest },
    trial: { id: 'sweep/x/KD/s1', study: 'mine' },
    ...{ key: 'a'.repeat(64), weights: 'b'.repeat(64), code: { digest, commit: 'c0ffee' } },
    folded: ['batch norm behind convolutions'],
    metrics: { top1: 91.5 },
  };
}

/** What every format is tried with: each family, attention, another head, trees, and pixels that are changed first. */
export const SUBJECTS: Readonly<Record<string, Tried>> = {
  'resnet8 with VAM': { model: 'resnet8', vam: { blockSize: 8 } },
  'resnet8 as SimKD leaves it': { model: 'resnet8', answers: true },
  'wrn_16_1 behind other pixels': { model: 'wrn_16_1', moved: true },
  ...{ vgg8: { model: 'vgg8' }, mobilenetv2: { model: 'mobilenetv2' } },
  ...{ shufflenetv1: { model: 'shufflenetv1' }, shufflenetv2: { model: 'shufflenetv2' } },
  'the tree of hme_ltb': { model: 'hme_ltb', width: 16 },
  'the tree of hme_paper': { model: 'hme_paper' },
};

export const MOVED = { scale: [0.8, 1.1, 1.2], shift: [0.1, -0.2, 0.3] };

/** Exports a network of `SUBJECTS`, or of these options. */
export function exported(tried: Tried): ExportedNetwork & { readonly model: ModelName } {
  const { moved, model } = tried;
  const loaded = trainedNetwork(tried);
  const { network } = loaded;
  try {
    if (moved === undefined) return { ...telling(exportNetwork(loaded)), model };
    const forward: Network['forward'] = (images, pass) =>
      network.forward(tf.add(tf.mul(images, MOVED.scale), MOVED.shift), pass);
    const changed = { ...loaded, network: { ...network, forward } };
    return { ...telling(exportNetwork(changed, MOVED)), model };
  } finally {
    network.dispose();
  }
}

/** Logits that are alike for all images would agree whatever was exported. */
function telling(of: ExportedNetwork): ExportedNetwork {
  const { logits } = of.check;
  const [one, other] = [logits.subarray(0, CLASSES), logits.subarray(CLASSES)];
  if (apart(other, one) > 0.01) return of;
  throw new Error(`the logits are alike: ${logits.join(', ')}`);
}

/** Writes a network as files into a folder of the test's own. */
export async function exportedFolder(
  t: ExecutionContext,
  subject: Tried,
  format: Format,
): Promise<{ readonly folder: string } & ExportedNetwork> {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-export-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const { model, ...network } = exported(subject);
  const files = await filesOf(format, { ...network, about: aboutOf(model), difference: 0 });
  for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
  return { folder, ...network };
}

/** Largest difference of a logit, of the largest one where that is more than 1. */
export function apart(found: ArrayLike<number>, wanted: Float32Array): number {
  if (found.length !== wanted.length) return Number.POSITIVE_INFINITY;
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  return (
    wanted.reduce((most, value, at) => {
      return Math.max(most, Math.abs(value - (found[at] ?? Number.NaN)));
    }, 0) / largest
  );
}
