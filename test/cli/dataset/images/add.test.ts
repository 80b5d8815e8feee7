import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import test, { type ExecutionContext } from 'ava';

import { addImages, type ImageOptions } from '../../../../cli/dataset/images/add.ts';
import { loadDataset } from '../../../../learning/data/load.ts';
import { rowOf } from '../../../../learning/data/records.ts';
import type { ArtifactStore } from '../../../../stores/artifacts.ts';
import { requireManifest } from '../../../../stores/datasets.ts';
import { emptyStore } from '../../study/store.ts';
import { folder } from '../archives.ts';
import {
  image,
  photoFiles,
  pixelsOf,
  png,
  tarOf,
  writeTree,
  zipOf,
  type Files,
} from './samples.ts';

const CLASSES = ['ant', 'bee', 'train'];

async function photos(t: ExecutionContext, more: Files = {}): Promise<string> {
  const files = await photoFiles({ train: 4, test: 2 }, CLASSES, 32);
  return writeTree(await folder(t), { ...files, ...more });
}

function add(
  store: Pick<ArtifactStore, 'putBlob' | 'putLatest'>,
  source: string,
  options: Partial<ImageOptions> = {},
) {
  return addImages(store, 'mine', source, { tell: () => undefined, ...options });
}

/** That a source is refused for a reason, and the store is left as it was. */
async function refused(
  t: ExecutionContext,
  source: string,
  why: RegExp,
  options: Partial<ImageOptions> = {},
): Promise<void> {
  const store = await emptyStore(t);
  await t.throwsAsync(add(store, source, options), { code: 'DataMismatch', message: why });
  t.deepEqual(await store.list(''), [], 'nothing is half-added');
}

test('a folder of images becomes a dataset whose pixels are those of the files', async (t) => {
  const store = await emptyStore(t);
  const { digest, info, notes } = await add(store, await photos(t));
  t.deepEqual(notes, []);
  t.like(info, { classes: 3, imageSize: 32, labelBytes: 1, trainImages: 12, testImages: 6 });
  t.deepEqual(info.classNames, CLASSES);
  const manifest = await requireManifest(store, 'mine');
  t.deepEqual(manifest.info, info);
  const data = await loadDataset(
    {
      ...{ name: 'mine', digest, preset: 'correct', sizes: { classes: 3, imageSize: 32 } },
      split: { train: 12, validation: 0, test: 6 },
    },
    (blob) => store.getBlob(blob),
  );
  t.deepEqual([...data.train.set.labels], [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
  t.deepEqual([...data.test.set.labels], [0, 0, 1, 1, 2, 2]);
  const bytes = 32 * 32 * 3;
  for (let i = 0; i < 12; i += 1) {
    const row = rowOf(data.train.set, i) ?? 0;
    const found = data.train.set.pixels.slice(row * bytes, (row + 1) * bytes);
    t.is(Buffer.compare(found, pixelsOf(i + 1, 32)), 0, `image ${i}`);
  }
});

test('a spec whose sizes are not those of the manifest is refused', async (t) => {
  const store = await emptyStore(t);
  const { digest } = await add(store, await photos(t));
  const spec = {
    name: 'mine',
    digest,
    preset: 'correct',
    split: { train: 12, validation: 0, test: 6 },
  };
  for (const sizes of [
    { classes: 4, imageSize: 32 },
    { classes: 3, imageSize: 64 },
  ]) {
    const loading = loadDataset({ ...spec, sizes }, (blob) => store.getBlob(blob));
    await t.throwsAsync(loading, {
      code: 'DataMismatch',
      message: `mine: manifest ${digest} has 3 classes of 32 pixels; wanted ${sizes.classes} classes of ${sizes.imageSize} pixels.`,
    });
  }
});

test('mean and deviation are those of all training pixels, exactly', async (t) => {
  const { info } = await add(await emptyStore(t), await photos(t));
  const { mean, std } = info.presets['correct'] ?? { mean: [], std: [] };
  for (const channel of [0, 1, 2]) {
    const values = Array.from({ length: 12 }, (_, i) => [...pixelsOf(i + 1, 32)])
      .flat()
      .filter((_, i) => i % 3 === channel)
      .map((value) => value / 255);
    const centre = values.reduce((sum, value) => sum + value, 0) / values.length;
    const spread = values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / values.length;
    t.true(Math.abs((mean[channel] ?? 0) - centre) < 1e-12);
    t.true(Math.abs((std[channel] ?? 0) - Math.sqrt(spread)) < 1e-12);
  }
});

test('folder, zip and tar of the same images have one digest', async (t) => {
  const files = await photoFiles({ train: 4, test: 2 }, CLASSES, 32);
  const below = Object.fromEntries(
    Object.entries(files).map(([path, bytes]) => [`x/${path}`, bytes]),
  );
  const place = await folder(t);
  const sources = [await writeTree(join(place, 'folder'), files)];
  for (const [name, bytes] of [
    ['a.zip', zipOf(below)],
    ['a.tar', tarOf(below)],
    ['a.tar.gz', gzipSync(tarOf(below))],
  ] as const) {
    sources.push(join(place, name));
    await writeFile(join(place, name), bytes);
  }
  const digests = await Promise.all(
    sources.map(async (source) => (await add(await emptyStore(t), source)).digest),
  );
  t.is(new Set(digests).size, 1);
});

test('every format that is read is added, whatever its size, with --size', async (t) => {
  const shapes = { 'x.png': 'png', 'x.jpg': 'jpeg', 'x.jpeg': 'jpeg', 'X.WEBP': 'webp' } as const;
  const files: Record<string, Uint8Array> = {};
  let number = 0;
  for (const side of ['train', 'val']) {
    for (const label of ['a', 'b']) {
      for (const [name, format] of Object.entries(shapes)) {
        number += 1;
        const bytes = await image(number, 40 + number, 90)
          .toFormat(format)
          .toBuffer();
        files[`${side}/${label}/deeper/${name}`] = bytes;
      }
    }
  }
  const source = await writeTree(await folder(t), files);
  for (const size of [32, 64]) {
    const { info } = await add(await emptyStore(t), source, { size });
    t.like(info, { imageSize: size, trainImages: 8, testImages: 8 });
  }
  await refused(
    t,
    source,
    /X\.WEBP has 44 × 90 pixels; allowed: 32 × 32 or 64 × 64, which --size 32\|64/,
  );
});

test('what was left out is told', async (t) => {
  const source = await photos(t, {
    ...{ 'val/ant/1.png': await png(1, 32), 'train/ant/notes.txt': 'x', 'README.md': 'x' },
    ...{ '.DS_Store': 'x', 'train/bee/Thumbs.db': 'x', '__MACOSX/train/bee/._1.png': 'x' },
  });
  const { notes } = await add(await emptyStore(t), source);
  t.deepEqual(notes, [
    '2 other files were left out, the first is README.md',
    "1 images of val/ were left out: test/ has the test images, and a study's dataset.split.validation holds images of train/ out",
  ]);
});

test('without test images a seeded share of each class is held out', async (t) => {
  const files = await photoFiles({ train: 20 }, CLASSES, 32);
  const source = await writeTree(await folder(t), files);
  const [a, b] = await Promise.all(
    [0, 1].map(async () => add(await emptyStore(t), source, { validation: 0.1 })),
  );
  t.is(a?.digest, b?.digest);
  t.like(a?.info, { trainImages: 54, testImages: 6 });
  await refused(t, source, /has no test images; allowed: .* --validation 0\.1/);
  await refused(t, source, /--validation 0\.001 leaves no test image of class ant$/, {
    validation: 0.001,
  });
  await refused(t, source, /--validation 0\.99 leaves no train image of class/, {
    validation: 0.99,
  });
  await refused(t, await photos(t), /has test images, and --validation 0\.1 is given; allowed/, {
    validation: 0.1,
  });
});

test('groups of classes come from a file, and have to fit', async (t) => {
  const source = await photos(t);
  const superclasses = join(await folder(t), 'groups.json');
  const write = (value: unknown): Promise<void> => writeFile(superclasses, JSON.stringify(value));
  await write({ insects: ['ant', 'bee'], things: ['train'] });
  const { info } = await add(await emptyStore(t), source, { superclasses });
  t.deepEqual(info.superclasses, [
    { name: 'insects', classes: [0, 1] },
    { name: 'things', classes: [2] },
  ]);
  for (const [value, why] of [
    [{ insects: ['ant', 'bee'] }, /train is in no group; allowed: each class in one$/],
    [{ a: ['ant', 'bee', 'train'], b: ['ant'] }, /ant is in two groups/],
    [{ a: ['cat'] }, /a has cat; allowed: classes of the dataset$/],
    [['ant'], /is something else; allowed: \{/],
  ] as const) {
    await write(value);
    await refused(t, source, why, { superclasses });
  }
});

test('a file that is no image, is cut short or has another size is named', async (t) => {
  await refused(
    t,
    await photos(t, { 'test/bee/fake.png': 'hello' }),
    /^mine: .*: test\/bee\/fake\.png does not decode: /,
  );
  const whole = await png(1, 32);
  await refused(
    t,
    await photos(t, { 'train/bee/cut.png': whole.subarray(0, whole.length / 2) }),
    /train\/bee\/cut\.png does not decode: /,
  );
  await refused(
    t,
    await photos(t, { 'train/bee/large.png': await png(1, 64) }),
    /train\/bee\/large\.png has 64 × 64 pixels; allowed: 32 × 32, as the first image/,
  );
});

test('classes on one side alone, images in no class and too few classes are named', async (t) => {
  const one = await png(1, 32);
  await refused(
    t,
    await photos(t, { 'test/cat/1.png': one }),
    /has 1 classes in test\/ alone \(cat\); allowed: each class in train\/ and in test\/|1 classes in test\/ alone \(cat\)/,
  );
  await refused(
    t,
    await photos(t, { 'train/cat/1.png': one }),
    /1 classes in train\/ alone \(cat\)/,
  );
  await refused(
    t,
    await photos(t, { 'train/1.png': one }),
    /train has 1 images that lie in no class, the first is train\/1\.png; allowed: a folder for each/,
  );
  const lonely = await writeTree(await folder(t), { 'train/a/1.png': one, 'test/a/1.png': one });
  await refused(t, lonely, /has only the class a; allowed: at least 2/);
  const flat = await writeTree(await folder(t), { 'train/a/1.png': one, 'train/b/1.png': one });
  await writeTree(flat, { 'test/1.png': one });
  await refused(t, flat, /test has 1 images that lie in no class/);
  const none = await writeTree(await folder(t), { 'a/1.png': one });
  await refused(t, none, /has no folder train; wanted train\/<class>/);
  const several = await writeTree(await folder(t), {
    'a/train/x/1.png': one,
    'b/train/x/1.png': one,
  });
  await refused(t, several, /has several: a\/, b\/; wanted/);
});

test('images of a single colour cannot be normalised', async (t) => {
  const { default: sharp } = await import('sharp');
  const create = { width: 32, height: 32, channels: 3, background: '#102030' } as const;
  const flat = await sharp({ create }).png().toBuffer();
  const files = ['train', 'test'].flatMap((side) =>
    ['a', 'b'].map((label) => `${side}/${label}/1.png`),
  );
  const source = await writeTree(
    await folder(t),
    Object.fromEntries(files.map((path) => [path, flat])),
  );
  await refused(
    t,
    source,
    /has red of one value in all training images; allowed: images that differ/,
  );
});

test('a store that fails in the middle is left without the name', async (t) => {
  const store = await emptyStore(t);
  let puts = 0;
  const failing = {
    ...store,
    putBlob: async (bytes: Uint8Array) => {
      puts += 1;
      if (puts === 2) throw new Error('interrupted');
      return store.putBlob(bytes);
    },
  };
  const source = await photos(t);
  await t.throwsAsync(add(failing, source), { message: 'interrupted' });
  t.deepEqual(await store.list('datasets/'), []);
  await t.notThrowsAsync(add(store, source));
  t.deepEqual(await store.list('datasets/'), ['datasets/mine.json']);
});

test('a link within a class is an image like any other', async (t) => {
  const source = await photos(t);
  await symlink(join(source, 'train/ant/000.png'), join(source, 'train/ant/again.png'));
  const { info } = await add(await emptyStore(t), source);
  t.is(info.trainImages, 13);
});
