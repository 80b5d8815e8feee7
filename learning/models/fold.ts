/**
 * Folding: the same function with fewer parts, for inference. VAM's attention goes into the kernels
 * it scales, batch norm into the convolution in front of it.
 */
import { KdxError } from '../../leg/errors.ts';
import { tf } from '../engine/backend.ts';
import type { Initialiser, Network, NetworkOptions } from '../engine/network.ts';
import { EPSILON } from '../engine/normalisation.ts';
import { buildNetwork } from './build.ts';
import { ADD_ONS } from './registry.ts';

/** A parameter or statistic of a network by name. @throws KdxError CodeBug where there is none */
function stored(network: Network, name: string): tf.Variable {
  const found = network.trainable.get(name)?.variable ?? network.statistics.get(name);
  if (found !== undefined) return found;
  throw new KdxError('CodeBug', `${network.options.model} has no tensor ${name} to fold.`);
}

/** Builds a network whose tensors are computed, by name, from those of another. */
function derive(options: NetworkOptions, compute: (name: string) => tf.Tensor): Network {
  const initialise: Initialiser = (name) => {
    // Out of the tidy as a tensor: it walks through every value of what else leaves it.
    const tensor = tf.tidy(() => tf.clone(compute(name)));
    const values = tensor.dataSync<'float32'>();
    tensor.dispose();
    return values;
  };
  return buildNetwork(options, initialise);
}

/** Folds what stands in front of the modules that a network answers through; these stay as they are. */
function foldBody(
  { body, onto }: NonNullable<Network['answering']>,
  fold: (body: Network) => Network,
): Network {
  return onto(fold(body));
}

/** Layer and kind of a tensor: `stage1/block1/conv1` and `kernel`. */
function split(name: string): { layer: string; kind: string } {
  const slash = name.lastIndexOf('/');
  return { layer: name.slice(0, slash), kind: name.slice(slash + 1) };
}

/**
 * The plain network that computes what a network with VAM does. Exact but for rounding: attention
 * is a factor on the kernel either way.
 *
 * @throws KdxError CodeBug where the network has no VAM
 */
export function foldVam(network: Network): Network {
  if (network.answering !== undefined) return foldBody(network.answering, foldVam);
  const { vam, ...plain } = network.options;
  if (vam === undefined) {
    throw new KdxError('CodeBug', `${plain.model} has no VAM to fold.`);
  }
  return derive(plain, (name) => {
    const { layer, kind } = split(name);
    const folded = kind === 'kernel' ? ADD_ONS.vam.fold(network, layer) : undefined;
    return folded ?? stored(network, name);
  });
}

/**
 * The same network with every batch norm behind a convolution folded into it: W·γ/√(σ² + ε) and
 * β + (b − μ)·γ/√(σ² + ε). Pre-activation norms stay (WRN folds only the one inside each block).
 *
 * @throws KdxError CodeBug where VAM is not folded yet
 */
export function foldBatchNorm(network: Network): Network {
  if (network.answering !== undefined) return foldBody(network.answering, foldBatchNorm);
  if (network.options.vam !== undefined) {
    throw new KdxError('CodeBug', 'Fold VAM first: batch norm folds into plain kernels.');
  }
  const slope = (layer: string): tf.Tensor => {
    const deviation = tf.sqrt(tf.add(stored(network, `${layer}/norm/variance`), EPSILON));
    return tf.div(stored(network, `${layer}/norm/gamma`), deviation);
  };
  return derive({ ...network.options, foldedNorms: true }, (name) => {
    const { layer, kind } = split(name);
    if (!network.statistics.has(`${layer}/norm/mean`)) return stored(network, name);
    if (kind === 'kernel') return tf.mul(stored(network, name), slope(layer));
    const bias = network.trainable.get(name)?.variable ?? tf.scalar(0);
    const centred = tf.sub(bias, stored(network, `${layer}/norm/mean`));
    return tf.add(stored(network, `${layer}/norm/beta`), tf.mul(centred, slope(layer)));
  });
}
