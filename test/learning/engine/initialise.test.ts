import test from 'ava';

import { seededInitialiser } from '../../../learning/engine/initialise.ts';
import { stream } from '../../../learning/engine/random.ts';
import { randomNetwork } from '../networks.ts';

test('adding VAM, classes or depth moves the start of no other parameter', (t) => {
  const plain = randomNetwork();
  const others = [
    randomNetwork({ vam: { blockSize: 8 } }),
    randomNetwork({ model: 'resnet14' }),
    randomNetwork({ classes: 20 }),
  ];
  for (const other of others) {
    const shared = [...plain.trainable.values()].filter(
      ({ name }) => name.endsWith('/kernel') && !name.startsWith('classifier/'),
    );
    const same = shared.filter(({ name, variable }) => {
      const twin = other.trainable.get(name)?.variable;
      return String(twin?.dataSync()) === String(variable.dataSync());
    });
    // Stages of resnet14 are longer: their first blocks are those of resnet8.
    t.is(same.length, shared.length);
    other.dispose();
  }
  plain.dispose();
});

test('another seed starts every kernel elsewhere', (t) => {
  const [one, two] = [randomNetwork({}, 1), randomNetwork({}, 2)];
  for (const { name, variable } of one.trainable.values()) {
    if (!name.endsWith('/kernel')) continue;
    t.notDeepEqual(two.trainable.get(name)?.variable.dataSync(), variable.dataSync(), name);
  }
  for (const network of [one, two]) network.dispose();
});

test('initial values have the distribution asked for', (t) => {
  const initialise = seededInitialiser((name) => stream(7, name));
  const normal = initialise('a', [40, 500], { kind: 'normal', standardDeviation: 0.2 });
  const mean = normal.reduce((sum, value) => sum + value, 0) / normal.length;
  const variance = normal.reduce((sum, value) => sum + (value - mean) ** 2, 0) / normal.length;
  t.is(normal.length, 20_000);
  t.true(Math.abs(mean) < 0.01);
  t.true(Math.abs(Math.sqrt(variance) - 0.2) < 0.01);
  const uniform = initialise('b', [1000], { kind: 'uniform', low: -0.5, high: 2 });
  t.true(Math.min(...uniform) >= -0.5 && Math.max(...uniform) < 2);
  t.true(Math.min(...uniform) < -0.4 && Math.max(...uniform) > 1.9);
  t.deepEqual([...initialise('c', [2], { kind: 'constant', value: 3 })], [3, 3]);
});
