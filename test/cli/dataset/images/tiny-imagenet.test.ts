import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import { addImages } from '../../../../cli/dataset/images/add.ts';
import { loadDataset } from '../../../../learning/data/load.ts';
import { emptyStore } from '../../study/store.ts';
import { folder } from '../archives.ts';
import { image, writeTree, zipOf, type Files } from './samples.ts';

// As in the published file, they are not in the order of their names.
const WNIDS = ['n02124075', 'n01443537', 'n04067472'];
const WORDS = 'n01443537\tgoldfish, Carassius auratus\nn02124075\tEgyptian cat\nn04067472\treel\n';

/** The folders of Tiny-ImageNet, with `count` training images a class; one of them is grey. */
async function tinyFiles(
  count: number,
  test: number,
): Promise<Record<string, Uint8Array | string>> {
  const files: Record<string, Uint8Array | string> = {
    'wnids.txt': `${WNIDS.join('\n')}\n`,
    'words.txt': WORDS,
    'test/images/test_0.JPEG': await image(0, 64).jpeg().toBuffer(),
  };
  const annotations: string[] = [];
  let number = 0;
  for (const wnid of WNIDS) {
    files[`train/${wnid}/${wnid}_boxes.txt`] = 'x\t0\t0\t63\t63\n';
    for (let i = 0; i < count; i += 1) {
      number += 1;
      const picture = image(number, 64);
      const bytes = await (number === 2 ? picture.greyscale() : picture).jpeg().toBuffer();
      files[`train/${wnid}/images/${wnid}_${i}.JPEG`] = bytes;
    }
  }
  for (let i = 0; i < test * WNIDS.length; i += 1) {
    number += 1;
    files[`val/images/val_${i}.JPEG`] = await image(number, 64).jpeg().toBuffer();
    annotations.push(`val_${i}.JPEG\t${WNIDS[i % WNIDS.length]}\t0\t0\t62\t62`);
  }
  files['val/val_annotations.txt'] = `${annotations.join('\n')}\n`;
  return files;
}

const tell = (): void => undefined;

async function refused(t: ExecutionContext, files: Files, why: RegExp): Promise<void> {
  const store = await emptyStore(t);
  const source = await writeTree(await folder(t), files);
  await t.throwsAsync(addImages(store, 'tiny', source, { tell }), {
    code: 'DataMismatch',
    message: why,
  });
  t.deepEqual(await store.list(''), []);
}

test('classes are the sorted wnids with their words, and val/ is tested on by its annotations', async (t) => {
  const files = await tinyFiles(4, 2);
  const store = await emptyStore(t);
  const source = await writeTree(await folder(t), files);
  const { digest, info } = await addImages(store, 'tiny', source, { tell });
  t.like(info, { classes: 3, imageSize: 64, trainImages: 12, testImages: 6 });
  t.deepEqual(info.classNames, ['goldfish', 'Egyptian cat', 'reel']);
  t.deepEqual(Object.keys(info.presets), ['correct', 'paper', 'imagenet']);
  const data = await loadDataset(
    {
      ...{ name: 'tiny', digest, preset: 'paper', sizes: { classes: 3, imageSize: 64 } },
      split: { train: 12, validation: 0, test: 6 },
    },
    (blob) => store.getBlob(blob),
  );
  t.deepEqual([...data.train.set.labels], [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
  t.deepEqual([...data.test.set.labels], [0, 0, 1, 1, 2, 2]);
  t.is(data.train.set.pixels.length, 12 * 64 * 64 * 3, 'bytes, no floats');
  // The second image of n02124075, which is class 1, is grey.
  const start = 5 * 64 * 64 * 3;
  const [red, green, blue] = data.train.set.pixels.slice(start, start + 3);
  t.is(red, green);
  t.is(red, blue);
});

test('the zip, with a folder in it, is the same dataset as the folder', async (t) => {
  const files = await tinyFiles(2, 1);
  const place = await folder(t);
  const zip = join(place, 'tiny.zip');
  const below = Object.entries(files).map(([path, bytes]) => [`tiny-imagenet-200/${path}`, bytes]);
  await writeFile(zip, zipOf(Object.fromEntries(below) as Files));
  const digests = await Promise.all(
    [zip, await writeTree(join(place, 'folder'), files)].map(
      async (source) => (await addImages(await emptyStore(t), 'tiny', source, { tell })).digest,
    ),
  );
  t.is(digests[0], digests[1]);
});

test('a class without images, a wrong annotation and an image without one are named', async (t) => {
  const files = await tinyFiles(2, 1);
  const annotations = String(files['val/val_annotations.txt']);
  const path = 'val/val_annotations.txt';
  const changed = (text: string): Files => ({ ...files, [path]: text });
  await refused(
    t,
    changed(annotations.replace('n01443537', 'n99999999')),
    /val_annotations\.txt, line 2 has class n99999999; allowed: those of wnids\.txt/,
  );
  await refused(
    t,
    changed(annotations.replace('val_0', 'val_7')),
    /val_annotations\.txt, line 1 names val_7\.JPEG, which is not in val\/images/,
  );
  const [first = '', ...rest] = annotations.split('\n');
  const { 'val/images/val_0.JPEG': _, ...without } = changed(rest.join('\n'));
  await refused(t, without, /val_annotations\.txt has no image of n02124075/);
  await refused(t, changed(`${first}\n${annotations}`), /names an image twice/);
  await refused(
    t,
    { ...files, 'val/images/val_9.JPEG': files['val/images/val_0.JPEG'] ?? '' },
    /val\/images\/val_9\.JPEG has no line in val\/val_annotations\.txt/,
  );
  await refused(
    t,
    { ...files, 'train/n77777777/images/n77777777_0.JPEG': 'x' },
    /train\/n77777777 is a class that wnids\.txt does not have/,
  );
  await refused(
    t,
    { ...files, 'wnids.txt': `${WNIDS.join('\n')}\nn5\n` },
    /train\/n5\/images has no/,
  );
  await refused(t, { ...files, 'wnids.txt': 'n02124075\nn02124075\n' }, /n02124075 twice/);
  await refused(
    t,
    { ...files, 'train/n01443537/images/n01443537_0.JPEG': 'no image' },
    /train\/n01443537\/images\/n01443537_0\.JPEG does not decode/,
  );
});

test('words that two classes share have their wnids, and a class without words has its own', async (t) => {
  const source = await writeTree(await folder(t), await tinyFiles(1, 1));
  await writeFile(join(source, 'words.txt'), 'n01443537\tcrane\nn02124075\tcrane, bird\n');
  const { info } = await addImages(await emptyStore(t), 'tiny', source, { tell });
  t.deepEqual(info.classNames, ['crane (n01443537)', 'crane (n02124075)', 'n04067472']);
  await rm(join(source, 'words.txt'));
  const bare = await addImages(await emptyStore(t), 'tiny', source, { tell });
  t.deepEqual(bare.info.classNames, WNIDS.toSorted());
});
