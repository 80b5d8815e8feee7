import test from 'ava';

import { tensorflowGraph } from '../../../cli/export/tensorflow.ts';
import { encodeSavedModel } from '../../../formats/tensorflow-graph.ts';
import { exportNetwork, runSavedModel } from '../../../learning/export/network.ts';
import { MODEL_NAMES } from '../../../study/models/models.ts';
import { apart, exported, SUBJECTS, trainedNetwork } from './networks.ts';

for (const model of MODEL_NAMES) {
  test(`${model}: TensorFlow alone computes the logits of the network as it was trained`, (t) => {
    const { description, check } = exported({ model });
    const logits = runSavedModel(encodeSavedModel(tensorflowGraph(description, {})), check);
    t.true(apart(logits, check.logits) < 1e-4, String(apart(logits, check.logits)));
  });
}

for (const [name, subject] of Object.entries(SUBJECTS)) {
  test(`${name} is described by standard operations and the constants that they read`, (t) => {
    const { description } = exported(subject);
    const { operations, constants } = description;
    t.is(operations[0]?.kind, 'images');
    t.deepEqual(operations.at(-1)?.shape, [-1, 10]);
    t.true(constants.size > 5);
    t.false([...constants.keys()].some((constant) => /vam|gate|norm\/(gamma|mean)/.test(constant)));
  });
}

test('an explainer with soft gates is refused by name', (t) => {
  const { network } = trainedNetwork({ model: 'hme_ltb', width: 16 });
  t.teardown(() => network.dispose());
  t.throws(() => exportNetwork({ network, gates: 'soft', inverseGateTemperature: 1 }), {
    code: 'SpecInvalid',
    message: /^hme_ltb has soft gates.*allowed: its hard stage/,
  });
});
