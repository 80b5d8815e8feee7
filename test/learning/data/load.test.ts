import { createHash } from 'node:crypto';
import test from 'ava';

import { batchMemory } from '../../../learning/data/assembly.ts';
import type { Batch } from '../../../learning/data/batch.ts';
import { batchOf, plainBatch } from '../../../learning/data/batches.ts';
import { loadDataset } from '../../../learning/data/load.ts';
import { batchesPerEpoch, createAssembler } from '../../../learning/data/plan.ts';
import type { LegSpec } from '../../../study/spec.ts';
import { createMemory, FEW_DIGITS } from '../memory.ts';

const BATCH = 64;
const VALUES = 3 * 32 ** 2;

function load(split: LegSpec['dataset']['split']) {
  const memory = createMemory();
  const dataset = { ...FEW_DIGITS, split };
  const { ports } = memory.context({ dataset } as LegSpec);
  return loadDataset(dataset, ports.readBlob);
}

// Computed when all images of every file were decoded, whatever the split.
for (const [split, digest] of [
  [
    { train: 150, validation: 30, test: 50 },
    '4151c34b1140e047e954e029b342a025f1c7e1a59009d1b0556ce50e6d4a40f3',
  ],
  [
    { train: 3000, validation: 1000, test: 1000 },
    '4d9de89452ec8ae6a1d1d52440624d52238691d13ce4dce7eab81a434e49a51b',
  ],
] as const) {
  test(`batches of ${split.train} digits have the bytes that they always had`, async (t) => {
    const data = await load(split);
    const hash = createHash('sha256');
    const add = ({ images, labels, positions }: Batch): void => {
      for (const { buffer, byteOffset, byteLength } of [images, labels, positions]) {
        hash.update(new Uint8Array(buffer, byteOffset, byteLength));
      }
    };
    const augment = { pad: 2, flip: true };
    const plan = {
      ...{ source: data.train, images: data.split.train, batch: BATCH, epochs: 2, seed: 7 },
      augment,
    };
    const assemble = createAssembler(plan);
    const memory = batchMemory(BATCH, data.train.set);
    for (let number = 0; number < plan.epochs * batchesPerEpoch(plan); number += 1) {
      add(assemble(number, memory));
    }
    for (const [source, images] of [
      [data.train, data.split.validation],
      [data.test, data.split.test],
    ] as const) {
      for (let step = 0; step * BATCH < images.length; step += 1) {
        add(plainBatch(source, batchOf(images, step, BATCH)));
      }
    }
    t.is(hash.digest('hex'), digest);
  });
}

test('only the images of the split are in memory; another one is refused', async (t) => {
  const { train, test, split } = await load({ train: 150, validation: 30, test: 50 });
  t.is(train.set.pixels.length, 180 * VALUES);
  t.is(test.set.pixels.length, 50 * VALUES);
  t.is(train.set.labels.length, 4000);
  const used = new Set([...split.train, ...split.validation]);
  const unused = train.set.labels.findIndex((_, image) => !used.has(image));
  const error = t.throws(() => plainBatch(train, Uint32Array.of(unused)));
  t.is(error.message, `image ${unused} is asked for; the split does not use it.`);
});

test('no file is read before the one before it is done with', async (t) => {
  const memory = createMemory();
  const { readBlob } = memory.context({ dataset: FEW_DIGITS } as LegSpec).ports;
  let reading = 0;
  await loadDataset(FEW_DIGITS, async (digest) => {
    reading += 1;
    t.is(reading, 1, 'one file at a time');
    const bytes = await readBlob(digest);
    reading -= 1;
    return bytes;
  });
});
