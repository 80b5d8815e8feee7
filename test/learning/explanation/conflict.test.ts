import test from 'ava';

import { crossEntropy } from '../../../distillers/ce.ts';
import { loadDataset } from '../../../learning/data/load.ts';
import { tf } from '../../../learning/engine/backend.ts';
import type { ArmLoss } from '../../../learning/explanation/arm-loss.ts';
import { conflictRates } from '../../../learning/explanation/conflict.ts';
import { treeOf } from '../../../learning/explanation/tree.ts';
import { digestJson } from '../../../study/canonical.ts';
import type { TrainSpec } from '../../../study/spec.ts';
import { createMemory, FEW_DIGITS } from '../memory.ts';
import { randomNetwork } from '../networks.ts';

test('a level where no two classes share an expert has no conflict rate', async (t) => {
  const { ports } = createMemory().context({ code: digestJson('code') } as TrainSpec);
  const data = await loadDataset(FEW_DIGITS, ports.readBlob);
  const { imageSize } = data.train.set;
  const network = randomNetwork({ model: 'hme_ltb', width: 2, experts: [1, 10], imageSize });
  // Every class has an expert of its own in level 2, and all share the only one of level 1.
  const own = Array.from({ length: 10 }, (_, k) =>
    Array.from({ length: 10 }, (_, e) => +(e === k)),
  );
  const tree = treeOf([Array.from({ length: 10 }, () => [1]), own]);
  const loaded = { network, gates: 'soft', inverseGateTemperature: 1 } as const;
  const loss: ArmLoss = {
    of: (_, labels) => (forward) => crossEntropy(tf, labels, forward.logits),
    dispose: () => undefined,
  };
  const subject = { loaded, loss, experts: [1, 10] };
  const rates = await conflictRates(subject, tree, data, () => undefined);
  t.deepEqual(
    rates.map(({ level, pairs }) => [level, pairs]),
    [[1, 45]],
  );
  network.dispose();
});
