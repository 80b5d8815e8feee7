import test, { type ExecutionContext } from 'ava';

import { ROOT } from '../../environment/root.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import {
  findManifest,
  publishDataset,
  publishDigits,
  publishManifest,
  requireManifest,
} from '../../stores/datasets.ts';
import { blobName } from '../../stores/names.ts';
import {
  DIGITS_MANIFEST,
  EXPECTED_FILES,
  manifestDigest,
  type DatasetManifest,
} from '../../study/dataset-manifest.ts';
import { emptyStore } from '../cli/study/store.ts';

const FILES = new Map(EXPECTED_FILES.cifar100.map(({ name }) => [name, Buffer.from(name)]));

async function published(t: ExecutionContext) {
  const store = await emptyStore(t);
  return { store, digest: await publishDataset(store, 'cifar100', FILES) };
}

test('a dataset that was published is found by name, file by file', async (t) => {
  const { store, digest } = await published(t);
  const manifest = await requireManifest(store, 'cifar100');
  t.is(manifestDigest(manifest), digest);
  for (const { name, digest: file } of manifest.files) {
    t.is(Buffer.from(await store.getBlob(file)).toString(), name);
  }
  t.is(await findManifest(store, 'cifar10'), undefined);
});

test('one that is not there is asked for by the command that adds it', async (t) => {
  await t.throwsAsync(requireManifest(await emptyStore(t), 'cifar10'), {
    code: 'DataMismatch',
    message: /^cifar10 is not in .*; kdx dataset add cifar10 … stores it/,
  });
});

test('a name that no build and no store knows is refused as a mistake of the study', async (t) => {
  await t.throwsAsync(requireManifest(await emptyStore(t), 'birds'), {
    code: 'SpecInvalid',
    message:
      /^\$\.dataset\.name: found "birds"; allowed: digits, cifar10, cifar100, or one that is in /,
  });
});

test('what a registered dataset is stands in its manifest too', async (t) => {
  const { store } = await published(t);
  const { info } = await requireManifest(store, 'cifar100');
  t.is(info?.classNames.length, 100);
  t.is(info?.superclasses?.length, 20);
  t.deepEqual(Object.keys(info?.presets ?? {}), ['correct', 'paper']);
});

test('a manifest that does not say what its dataset is, is refused', async (t) => {
  const store = await emptyStore(t);
  for (const info of [undefined, {}, { classes: 2 }]) {
    const manifest = { dataset: 'birds', files: [], info } as unknown as DatasetManifest;
    await publishManifest(store, manifest, async () => new Uint8Array());
    await t.throwsAsync(requireManifest(store, 'birds'), {
      code: 'DataMismatch',
      message:
        /^birds: blob [0-9a-f]{64} is not its manifest: it does not say what the dataset is$/,
    });
  }
});

test('publishing another version moves the name; the older one stays by digest', async (t) => {
  const { store, digest } = await published(t);
  const other = new Map([...FILES, ['test.bin', Buffer.from('other')]]);
  const newer = await publishDataset(store, 'cifar100', other);
  t.not(newer, digest);
  t.is(manifestDigest(await requireManifest(store, 'cifar100')), newer);
  t.true((await store.getBlob(digest)).length > 0);
});

test('an interrupted publication leaves the name as it was', async (t) => {
  const { store, digest } = await published(t);
  let puts = 0;
  const failing: Pick<ArtifactStore, 'putBlob' | 'putLatest'> = {
    ...store,
    putBlob: async (bytes) => {
      puts += 1;
      if (puts === 3) throw new Error('interrupted');
      return store.putBlob(bytes);
    },
  };
  const other = new Map([...FILES, ['test.bin', Buffer.from('other')]]);
  await t.throwsAsync(publishDataset(failing, 'cifar100', other), { message: 'interrupted' });
  t.is(manifestDigest(await requireManifest(store, 'cifar100')), digest);
});

test('a damaged name and a manifest that is gone are refused', async (t) => {
  const { store, digest } = await published(t);
  await store.remove(blobName(digest));
  await t.throwsAsync(findManifest(store, 'cifar100'), {
    code: 'DataMismatch',
    message: /is missing$/,
  });
  for (const bad of ['{}', '"x"', `{"schema":1,"dataset":"cifar10","manifest":"${digest}"}`]) {
    await store.putLatest('datasets/cifar100.json', Buffer.from(bad));
    await t.throwsAsync(findManifest(store, 'cifar100'), {
      code: 'DataMismatch',
      message:
        /datasets\/cifar100\.json is no dataset's name of schema 1; kdx dataset add cifar100/,
    });
  }
});

test('the digits need no name: every build knows their digest, and publishes its own files', async (t) => {
  const store = await emptyStore(t);
  t.is(await publishDigits(store, ROOT), manifestDigest(DIGITS_MANIFEST));
  for (const { digest, bytes } of DIGITS_MANIFEST.files) {
    t.is((await store.getBlob(digest)).length, bytes);
  }
  t.deepEqual(await findManifest(store, 'digits'), DIGITS_MANIFEST);
  await t.throwsAsync(publishDigits(store, '/nowhere'), {
    code: 'DataMismatch',
    message: /^digits: \/nowhere\/.*train\.bin\.gz cannot be read/,
  });
});
