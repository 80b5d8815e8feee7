import test from 'ava';

import { treeOf } from '../../../learning/explanation/tree.ts';
import { randomNetwork } from '../networks.ts';
import { gateRows } from '../../../learning/models/explainer/route.ts';

test("experts of a tree have the names of the network's tensors", (t) => {
  const network = randomNetwork({ model: 'hme_ltb', width: 4, experts: [2, 4] });
  const names = [...network.trainable.keys()].map((name) => name.split('/').slice(0, 2).join('/'));
  const rows = gateRows(network).map((gate, level) =>
    gate.map((row, consumer) => row.map((_, expert) => Number(expert === (consumer + level) % 2))),
  );
  const { nodes, paths } = treeOf(rows);
  const experts = nodes.filter(({ kind }) => kind === 'expert');
  t.true(experts.every(({ id }) => names.includes(id)));
  t.deepEqual(
    experts.map(({ id, index }) => [id, index]),
    [
      ['level1/expert2', 1],
      ['level2/expert2', 1],
      ['level1/expert1', 0],
      ['level2/expert1', 0],
    ],
  );
  t.deepEqual(paths[0]?.experts, [1, 1]);
  network.dispose();
});
