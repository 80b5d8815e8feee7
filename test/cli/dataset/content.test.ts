import test, { type ExecutionContext } from 'ava';

import { addDataset, decodeFiles } from '../../../cli/dataset/add.ts';
import { checkContent } from '../../../cli/dataset/content.ts';
import { openFolderStore } from '../../../stores/folder.ts';
import { recordBytes } from '../../../study/dataset-manifest.ts';
import { folder, noiseFiles, writeFiles, type Archived } from './archives.ts';

const whole = { cifar10: noiseFiles('cifar10'), cifar100: noiseFiles('cifar100') };

/** The message that a dataset is refused with after a change. */
function refusal(
  t: ExecutionContext,
  name: Archived,
  change: (files: Map<string, Uint8Array>) => void,
): string {
  const files = new Map([...whole[name]].map(([file, bytes]) => [file, bytes.slice()]));
  change(files);
  const check = (): void => checkContent(name, decodeFiles(name, files));
  return t.throws(check, { code: 'DataMismatch' }).message;
}

const of = (files: ReadonlyMap<string, Uint8Array>, name: string): Uint8Array => {
  const bytes = files.get(name);
  if (bytes === undefined) throw new Error(name);
  return bytes;
};

test.serial('accepts both by their classes and channels, whatever their bytes', (t) => {
  for (const name of ['cifar10', 'cifar100'] as const) {
    t.notThrows(() => checkContent(name, decodeFiles(name, whole[name])));
  }
});

test.serial('a folder that is refused leaves nothing half-added', async (t) => {
  const source = await folder(t);
  const store = openFolderStore(await folder(t));
  await store.ensureBucket();
  await writeFiles(
    source,
    new Map([...whole.cifar10, ['test_batch.bin', new Uint8Array(30_730_000)]]),
  );
  await t.throwsAsync(addDataset(store, 'cifar10', source), {
    code: 'DataMismatch',
    message: /test_batch\.bin has 10000 of 10000 images without content/,
  });
  t.deepEqual(await store.list(''), []);
});

test.serial('refuses a file of which a part is zeros, wherever the hole is', (t) => {
  for (const [from, share] of [
    [0.4, 0.6],
    [0, 0.6],
    [0.7, 0.002],
  ] as const) {
    const message = refusal(t, 'cifar10', (files) => {
      const bytes = of(files, 'data_batch_3.bin');
      bytes.fill(0, bytes.length * from, bytes.length * (from + share));
    });
    t.regex(
      message,
      /^cifar10: data_batch_3\.bin has \d+ of 10000 images without content \(the first is record \d+, every pixel 0\); allowed: 10\./,
    );
  }
});

test.serial('refuses a file that is there twice, and many images that are', (t) => {
  const twice = refusal(t, 'cifar10', (files) =>
    files.set('data_batch_5.bin', of(files, 'data_batch_2.bin')),
  );
  t.is(twice, 'cifar10: data_batch_5.bin holds the same bytes as data_batch_2.bin');
  const repeated = refusal(t, 'cifar10', (files) => {
    const half = of(files, 'data_batch_2.bin').slice(0, 5000 * recordBytes({ name: 'cifar10' }));
    of(files, 'data_batch_4.bin').set(half);
  });
  t.is(repeated, 'cifar10: 5000 of 60000 images equal an earlier one; allowed: 1200');
});

test.serial('refuses other numbers of images a class than the published ones', (t) => {
  const train = refusal(t, 'cifar10', (files) => (of(files, 'data_batch_1.bin')[0] = 9));
  t.is(train, 'cifar10: 4999 train images of class 0 (airplane); wanted 5000');
  const fine = refusal(t, 'cifar100', (files) => {
    const bytes = of(files, 'test.bin');
    // Of the same superclass.
    bytes[4 * recordBytes({ name: 'cifar100' }) + 1] = 24;
  });
  t.regex(fine, /^cifar100: 99 test images of class 4.*; wanted 100$/);
});

test.serial('refuses labels out of range, and a class of CIFAR-100 in two superclasses', (t) => {
  const range = refusal(t, 'cifar10', (files) => (of(files, 'test_batch.bin')[0] = 10));
  t.regex(range, /test_batch\.bin, record 0 has label 10; allowed: 0 to 9/);
  const superclass = refusal(t, 'cifar100', (files) => {
    of(files, 'train.bin')[104 * recordBytes({ name: 'cifar100' })] = 19;
  });
  t.is(
    superclass,
    'cifar100: train.bin, record 104 has class 4 in superclass 19; wanted 4, as before',
  );
  const crowded = refusal(t, 'cifar100', (files) => {
    for (const bytes of files.values()) {
      for (let at = 0; at < bytes.length; at += recordBytes({ name: 'cifar100' })) {
        if (bytes[at + 1] === 4) bytes[at] = 5;
      }
    }
  });
  t.is(crowded, 'cifar100: 4 classes in superclass 4; wanted 5');
});

test.serial('refuses channels in another order, another layout and another scale', (t) => {
  const pixels = recordBytes({ name: 'cifar10' }) - 1;
  const plane = pixels / 3;
  const changes: readonly ((image: Uint8Array) => void)[] = [
    (image) => {
      const red = image.slice(0, plane);
      image.copyWithin(0, 2 * plane);
      image.set(red, 2 * plane);
    },
    (image) => image.set(image.map((_, i) => image[(i % 3) * plane + Math.floor(i / 3)] ?? 0)),
    (image) => image.set(image.map((value) => value / 2)),
  ];
  for (const change of changes) {
    const message = refusal(t, 'cifar10', (files) => {
      for (const bytes of files.values()) {
        for (let at = 1; at < bytes.length; at += pixels + 1)
          change(bytes.subarray(at, at + pixels));
      }
    });
    t.regex(
      message,
      /^cifar10: training images have mean 0\.\d+, 0\.\d+, 0\.\d+ .*wanted 0\.4914, /,
    );
  }
});
