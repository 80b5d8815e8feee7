import test from 'ava';

import { tf } from '../../../learning/engine/backend.ts';
import type { Initialiser, Network, NetworkOptions } from '../../../learning/engine/network.ts';
import { buildNetwork } from '../../../learning/models/build.ts';
import { kernelValuesOf, multiplyAddsOf, type ModelOptions } from '../../../study/models/family.ts';
import { MODEL_NAMES, outlineOf, type ModelName } from '../../../study/models/models.ts';
import { MODELS } from '../../../study/models/registry.ts';

const zeros: Initialiser = (_, shape) =>
  new Float32Array(shape.reduce((product, size) => product * size, 1));

/** A network of which only the shapes matter. */
function emptyNetwork(options: NetworkOptions): Network {
  return buildNetwork(options, zeros);
}

function shapesRead(network: Network): number[][] {
  const { imageSize } = network.options;
  return tf.tidy(() => {
    const images = tf.zeros<tf.Rank.R4>([1, imageSize, imageSize, 3]);
    const pass = { mode: 'evaluate', inverseGateTemperature: tf.scalar(1) } as const;
    return network.forward(images, pass).features.map(({ shape }) => shape.slice(1));
  });
}

function kernelValues({ trainable }: Network): number {
  return [...trainable.values()]
    .filter(({ name }) => name.endsWith('/kernel'))
    .reduce((sum, { variable }) => sum + variable.size, 0);
}

const OPTIONS: readonly (readonly [ModelName, ModelOptions])[] = [
  ...MODEL_NAMES.map((name) => [name, {}] as const),
  ['hme_ltb', { width: 8, experts: [2, 3] }],
];

for (const [name, options] of OPTIONS) {
  const set = Object.keys(options).length === 0 ? '' : ` with ${JSON.stringify(options)}`;
  test(`the outline of ${name}${set} is that of the network`, (t) => {
    for (const sizes of [
      { classes: 10, imageSize: 32 },
      { classes: 7, imageSize: 64 },
    ]) {
      const network = emptyNetwork({ model: name, ...sizes, ...(options as { width?: number }) });
      const outline = outlineOf({ name, ...options }, sizes);
      const { maps, embedding } = outline.features;
      t.deepEqual(
        [...maps.map((map) => [...map]), ...(embedding === undefined ? [] : [[embedding]])],
        shapesRead(network),
      );
      t.is(multiplyAddsOf(outline), network.multiplyAdds);
      t.is(kernelValuesOf(outline), kernelValues(network));
      network.dispose();
    }
  });

  test(`${name}${set} takes images of the multiple that it names, and no others`, (t) => {
    const multiple = MODELS[name].sizeMultiple(options);
    const build = (imageSize: number): void => {
      const sizes = { classes: 10, imageSize, ...(options as { width?: number }) };
      emptyNetwork({ model: name, ...sizes }).dispose();
    };
    t.notThrows(() => build(multiple * 3));
    t.throws(() => build(multiple * 3 + 1), { message: /imageSize is/ });
    if (multiple > 1) t.throws(() => build(multiple * 3 + multiple / 2), { message: /imageSize/ });
  });
}
