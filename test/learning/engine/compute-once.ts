/**
 * Runs our operations in a process of its own, with their gradients, and prints the digest of the
 * results and some of their values: `node compute-once.ts <threads> <float32 | bfloat16> [KDX_ISA]`.
 */
import { createHash } from 'node:crypto';

import { configureProcess } from '../../../learning/engine/environment.ts';

const [threads, products, isa] = process.argv.slice(2);
configureProcess({ threads: Number(threads) });
if (isa !== undefined) process.env['KDX_ISA'] = isa;
const { tf } = await import('../../../learning/engine/backend.ts');
const { convolve } = await import('../../../learning/engine/convolution.ts');
const { convolveGroups, shuffleChannels } = await import('../../../learning/engine/grouped.ts');
const { batchNormRelu } = await import('../../../learning/engine/normalisation.ts');
const { computeProductsIn } = await import('../../../learning/engine/precision.ts');
const { normState, randomTensor } = await import('../networks.ts');

computeProductsIn(products === 'bfloat16' ? 'bfloat16' : 'float32');
const images = randomTensor([24, 10, 10, 48]);
// Every other image has numbers too small to be normal: threads that treat them otherwise show.
const values = images
  .dataSync<'float32'>()
  .map((value, index) => (Math.floor(index / 4800) % 2 === 0 ? value : value * 1e-40));
const maps = tf.tensor4d(values, [24, 10, 10, 48]);
const convolved = tf.valueAndGrads((x, kernel) =>
  convolve(x as typeof maps, kernel as typeof maps, 1),
)([maps, randomTensor([3, 3, 48, 32], 'kernel')], randomTensor([24, 10, 10, 32], 'slopes'));
const state = normState(48);
const addend = randomTensor<(typeof maps)['rankType']>([24, 10, 10, 48], 'addend');
const normalised = tf.valueAndGrads((x, addend) =>
  batchNormRelu(x as typeof maps, state, true, addend as typeof maps),
)([maps, addend], randomTensor([24, 10, 10, 48], 'slopes'));
/** A convolution of 48 channels in groups, and its gradients. */
const inGroups = (groups: number, size: number, stride: number) =>
  tf.valueAndGrads((x, kernel) =>
    convolveGroups(x as typeof maps, kernel as typeof maps, { groups, stride }),
  )(
    [maps, randomTensor([size, size, 48 / groups, 48], 'kernel')],
    randomTensor([24, 10 / stride, 10 / stride, 48], 'slopes'),
  );
const depthwise = [inGroups(48, 3, 1), inGroups(48, 3, 2)];
const grouped = inGroups(3, 1, 1);
const shuffled = { value: shuffleChannels(maps, 3), grads: [] };

const results = [convolved, normalised, ...depthwise, grouped, shuffled].flatMap(
  ({ value, grads }) => [value, ...grads],
);
const digest = createHash('sha256');
const some: number[] = [];
for (const tensor of [...results, state.mean, state.variance]) {
  const data = tensor.dataSync<'float32'>();
  digest.update(data);
  some.push(...data.filter((_, index) => index % 997 === 0));
}
process.stdout.write(`${JSON.stringify({ digest: digest.digest('hex'), some })}\n`);
