/**
 * Convolves in a process of its own, with both gradients, and prints the digest of the results and
 * some of their values: `node convolve-once.ts <threads> <float32 | bfloat16> [KDX_ISA]`.
 */
import { createHash } from 'node:crypto';

import { configureProcess } from '../../../learning/engine/environment.ts';

const [threads, products, isa] = process.argv.slice(2);
configureProcess({ threads: Number(threads) });
if (isa !== undefined) process.env['KDX_ISA'] = isa;
const { tf } = await import('../../../learning/engine/backend.ts');
const { convolve } = await import('../../../learning/engine/convolution.ts');
const { computeProductsIn } = await import('../../../learning/engine/precision.ts');
const { randomTensor } = await import('../networks.ts');

computeProductsIn(products === 'bfloat16' ? 'bfloat16' : 'float32');
const images = randomTensor([24, 10, 10, 48]);
// Every other image has numbers too small to be normal: threads that treat them otherwise show.
const values = images
  .dataSync<'float32'>()
  .map((value, index) => (Math.floor(index / 4800) % 2 === 0 ? value : value * 1e-40));
const inputs = [tf.tensor(values, images.shape), randomTensor([3, 3, 48, 32], 'kernel')];
const convolved = tf.valueAndGrads((x, kernel) =>
  convolve(x as Parameters<typeof convolve>[0], kernel as Parameters<typeof convolve>[1], 1),
)(inputs, randomTensor([24, 10, 10, 32], 'slopes'));
const digest = createHash('sha256');
const some: number[] = [];
for (const tensor of [convolved.value, ...convolved.grads]) {
  const results = tensor.dataSync<'float32'>();
  digest.update(results);
  some.push(...results.filter((_, index) => index % 997 === 0));
}
process.stdout.write(`${JSON.stringify({ digest: digest.digest('hex'), some })}\n`);
