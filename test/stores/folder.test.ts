import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openFolderStore } from '../../stores/folder.ts';
import { conformance, type Place } from './conformance.ts';

const folders: string[] = [];

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-test-folder-'));
  folders.push(folder);
  return folder;
}

const place: Place = {
  name: 'folder',
  async open() {
    const store = openFolderStore(await newFolder());
    await store.ensureBucket();
    return store;
  },
  reopen: (store) => openFolderStore(store.location),
  restart: async () => undefined,
};

test.after.always(async () => {
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

conformance(test, () => place);

test('leaves no part of a file behind', async (t) => {
  const folder = await newFolder();
  const store = openFolderStore(folder);
  await store.ensureBucket();
  await store.putOnce('results/a.json', Buffer.from('{}'));
  await t.throwsAsync(store.putOnce('results/a.json', Buffer.from('[]')));
  t.deepEqual(await readdir(join(folder, '.partial')), []);
});

test('names the folder that is not there', async (t) => {
  const folder = join(await newFolder(), 'nowhere');
  const error = await t.throwsAsync(openFolderStore(folder).ping(), { code: 'ObjectStore' });
  t.true(error?.message.includes(folder));
});

test('names the file that stands where a folder must be', async (t) => {
  const folder = join(await newFolder(), 'file');
  await writeFile(folder, '');
  await chmod(folder, 0o600);
  const error = await t.throwsAsync(openFolderStore(folder).ensureBucket(), {
    code: 'ObjectStore',
  });
  t.true(error?.message.includes(folder));
});
