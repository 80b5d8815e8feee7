import test from 'ava';

import { loadDataset } from '../../../learning/data/load.ts';
import { tf } from '../../../learning/engine/backend.ts';
import type { Network } from '../../../learning/engine/network.ts';
import { evaluateLoaded } from '../../../learning/evaluation/evaluate.ts';
import type { LoadedNetwork } from '../../../learning/networks.ts';
import { digestJson } from '../../../study/canonical.ts';
import type { TrainSpec } from '../../../study/spec.ts';
import { createMemory, FEW_DIGITS } from '../memory.ts';
import { randomNetwork, randomTensor } from '../networks.ts';

const { ports } = createMemory().context({ code: digestJson('code') } as TrainSpec);
const data = await loadDataset(FEW_DIGITS, ports.readBlob);
const { imageSize } = data.test.set;
const evaluated = async (loaded: LoadedNetwork) =>
  (await evaluateLoaded(loaded, data, 'eager', () => undefined)).evaluation;

/** Batch norms and attention as training leaves them: not the identity. */
function disturb(network: Network): void {
  for (const [name, variable] of network.statistics) {
    const noise = randomTensor(variable.shape, name);
    variable.assign(name.endsWith('variance') ? tf.add(tf.abs(noise), 0.5) : noise);
  }
  for (const { name, variable } of network.trainable.values()) {
    if (/gamma|beta|epsilon/.test(name)) variable.assign(randomTensor(variable.shape, name));
  }
}

test('a network with VAM is compared with what is exported: attention and batch norms folded', async (t) => {
  const network = randomNetwork({ vam: { blockSize: 8 }, imageSize });
  const plain = randomNetwork({ imageSize });
  disturb(network);
  const { folded, parameters } = await evaluated({ network });
  t.is(parameters, network.parameterCount);
  // Folded, a norm's γ and β become one bias.
  const norms = [...plain.trainable.values()].filter(({ name }) => name.endsWith('gamma'));
  const channels = norms.reduce((sum, { variable }) => sum + variable.size, 0);
  t.is(folded?.parameters, plain.parameterCount - channels);
  t.true(folded?.sameTop1);
  t.true((folded?.maxLogitDifference ?? NaN) > 0, 'the two sides are not the same arithmetic');
  t.true((folded?.maxLogitDifference ?? NaN) < 1e-3);
  for (const created of [network, plain]) created.dispose();
});

test('a hard tree is priced as what is alive in it', async (t) => {
  const network = randomNetwork({ model: 'hme_ltb', width: 8, experts: [2, 2], imageSize });
  const route = { parents: [[0, 0], Array<number>(10).fill(1)] };
  const hard = await evaluated({ network, gates: 'hard', route });
  // Left: expert 1 of level 1, expert 2 of level 2, and the heads.
  const tensors = [...network.trainable.values()];
  const sizeOf = (prefix: RegExp): number =>
    tensors.filter(({ name }) => prefix.test(name)).reduce((sum, p) => sum + p.variable.size, 0);
  t.is(hard.parameters, sizeOf(/^(level1\/expert1|level2\/expert2|heads)\//));
  const convolutions = (inputs: number, outputs: number): number => 9 * 8 * (inputs + outputs);
  const dead = convolutions(3, 8) * imageSize ** 2 + convolutions(8, 4) * (imageSize / 2) ** 2;
  t.is(hard.multiplyAdds, network.multiplyAdds - dead);
  const soft = await evaluated({ network, gates: 'soft', inverseGateTemperature: 1 });
  t.deepEqual([soft.parameters, soft.multiplyAdds], [network.parameterCount, network.multiplyAdds]);
  network.dispose();
});
