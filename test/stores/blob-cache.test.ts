import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { cachedBlobs } from '../../stores/blob-cache.ts';
import { openFolderStore } from '../../stores/folder.ts';
import { blobName } from '../../stores/names.ts';

const run = promisify(execFile);
const READER = join(import.meta.dirname, 'read-blobs.ts');
const BLOB_BYTES = 1000;
const HOUR_SECONDS = 3600;

/** A store with `count` blobs of equal size, and an empty cache beside it. */
async function newWorld(t: ExecutionContext, count: number) {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-test-blob-cache-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const store = openFolderStore(join(folder, 'store'));
  await store.ensureBucket();
  const digests: string[] = [];
  for (let i = 0; i < count; i += 1) {
    digests.push((await store.putBlob(Buffer.alloc(BLOB_BYTES, i))).digest);
  }
  return { folder, store, digests, cache: join(folder, 'cache') };
}

/** What one process reads through, and what it had to fetch. */
function reader(store: Pick<ArtifactStore, 'getBlob'>, folder: string, maxBytes: number) {
  const fetched: string[] = [];
  const warnings: string[] = [];
  const getBlob = (digest: string): Promise<Uint8Array> => {
    fetched.push(digest);
    return store.getBlob(digest);
  };
  const warn = (message: string): number => warnings.push(message);
  return { fetched, warnings, read: cachedBlobs({ getBlob }, { folder, maxBytes, warn }) };
}

async function keptIn(cache: string): Promise<readonly string[]> {
  return (await readdir(join(cache, 'blobs')).catch(() => [])).toSorted();
}

async function bytesIn(cache: string): Promise<number> {
  const names = await keptIn(cache);
  const sizes = await Promise.all(names.map((name) => stat(join(cache, 'blobs', name))));
  return sizes.reduce((sum, { size }) => sum + size, 0);
}

/** Says that copies were last used so many hours ago. */
async function ageOf(cache: string, hours: Readonly<Record<string, number>>): Promise<void> {
  for (const [digest, ago] of Object.entries(hours)) {
    const at = Date.now() / 1000 - ago * HOUR_SECONDS;
    await utimes(join(cache, blobName(digest)), at, at);
  }
}

test('the copies that were used least recently give way; those read lately stay', async (t) => {
  const { store, digests, cache } = await newWorld(t, 5);
  const [a = '', b = '', c = '', d = '', e = ''] = digests;
  const first = reader(store, cache, 4 * BLOB_BYTES);
  for (const digest of [a, b, c, d]) await first.read(digest);
  await ageOf(cache, { [a]: 4, [b]: 3, [c]: 2, [d]: 1 });
  // Read again: what was written first is now what was used last.
  await first.read(a);
  await first.read(e);
  t.deepEqual(await keptIn(cache), [a, d, e].toSorted());
  t.deepEqual(first.fetched, [a, b, c, d, e]);
  t.deepEqual(first.warnings, []);
});

test('what was evicted is fetched again', async (t) => {
  const { store, digests, cache } = await newWorld(t, 6);
  const { read, fetched } = reader(store, cache, 2 * BLOB_BYTES);
  for (const digest of [...digests, ...digests]) {
    t.deepEqual(await read(digest), await store.getBlob(digest));
  }
  t.is(fetched.length, 12);
});

test('the folder never outgrows its bound, however much is read', async (t) => {
  const { store, digests, cache } = await newWorld(t, 60);
  const maxBytes = 10.5 * BLOB_BYTES;
  const { read } = reader(store, cache, maxBytes);
  for (const digest of digests) {
    await read(digest);
    t.true((await bytesIn(cache)) <= maxBytes);
  }
  t.true((await bytesIn(cache)) >= maxBytes / 2, 'and it is made use of');
});

test('a process finds at its start what others left over the bound', async (t) => {
  const { store, digests, cache } = await newWorld(t, 8);
  const [first = ''] = digests;
  const roomy = reader(store, cache, Number.MAX_SAFE_INTEGER);
  for (const digest of digests) await roomy.read(digest);
  const frugal = reader(store, cache, 3 * BLOB_BYTES);
  await frugal.read(first);
  t.true((await bytesIn(cache)) <= 3 * BLOB_BYTES);
});

test('a bound of nothing keeps nothing, and neither does a blob larger than the bound', async (t) => {
  const { store, digests, cache } = await newWorld(t, 3);
  const roomy = reader(store, cache, Number.MAX_SAFE_INTEGER);
  for (const digest of digests) await roomy.read(digest);
  for (const maxBytes of [0, BLOB_BYTES - 1]) {
    const { read, warnings } = reader(store, cache, maxBytes);
    for (const digest of digests) t.is((await read(digest)).byteLength, BLOB_BYTES);
    t.deepEqual(await keptIn(cache), []);
    t.deepEqual(warnings, []);
  }
});

test('a bound that is lower than most of what is there keeps what was used last', async (t) => {
  const { store, digests, cache } = await newWorld(t, 4);
  const [a = '', b = '', c = '', d = ''] = digests;
  const roomy = reader(store, cache, Number.MAX_SAFE_INTEGER);
  for (const digest of [a, b, c]) await roomy.read(digest);
  await ageOf(cache, { [a]: 3, [b]: 2, [c]: 1 });
  const { read } = reader(store, cache, BLOB_BYTES);
  await read(d);
  t.deepEqual(await keptIn(cache), [d]);
});

test('nothing but copies of blobs is ever deleted', async (t) => {
  const { folder, store, digests, cache } = await newWorld(t, 6);
  const outside = join(folder, 'precious');
  await writeFile(outside, Buffer.alloc(5 * BLOB_BYTES));
  await mkdir(join(cache, 'blobs', 'e'.repeat(64)), { recursive: true });
  await mkdir(join(cache, 'datasets', 'cifar10'), { recursive: true });
  const bystanders = ['blobs/README', `blobs/${'a'.repeat(63)}`, 'datasets/cifar10/test.bin'];
  for (const name of bystanders) await writeFile(join(cache, name), Buffer.alloc(5 * BLOB_BYTES));
  const link = join(cache, 'blobs', 'f'.repeat(64));
  await symlink(outside, link);
  const { read } = reader(store, cache, BLOB_BYTES);
  for (const digest of digests) await read(digest);
  for (const name of bystanders) t.true((await stat(join(cache, name))).isFile(), name);
  t.true((await stat(join(cache, 'blobs', 'e'.repeat(64)))).isDirectory());
  t.is((await stat(link)).size, 5 * BLOB_BYTES);
});

test('what a killed process left half written is taken away, what is being written is not', async (t) => {
  const { store, digests, cache } = await newWorld(t, 1);
  const [digest = ''] = digests;
  const partial = join(cache, '.partial');
  await mkdir(partial, { recursive: true });
  const [stale, fresh] = ['0', '1'].map((n) => `${n.repeat(8)}-0000-4000-8000-000000000000`);
  const other = 'notes.txt';
  for (const name of [stale, fresh, other]) await writeFile(join(partial, name ?? ''), 'half a b');
  const yesterday = Date.now() / 1000 - 24 * HOUR_SECONDS;
  for (const name of [stale, other]) await utimes(join(partial, name ?? ''), yesterday, yesterday);
  await reader(store, cache, BLOB_BYTES).read(digest);
  t.deepEqual((await readdir(partial)).toSorted(), [fresh, other].toSorted());
});

test('many readers in one process get their bytes while copies come and go', async (t) => {
  const { store, digests, cache } = await newWorld(t, 20);
  const readers = Array.from({ length: 6 }, () => reader(store, cache, 3 * BLOB_BYTES));
  await Promise.all(
    readers.map(async ({ read }, i) => {
      for (let n = 0; n < 60; n += 1) {
        const digest = digests[(n * (i + 1) + i) % digests.length] ?? '';
        t.deepEqual(await read(digest), await store.getBlob(digest));
      }
    }),
  );
  t.deepEqual(
    readers.flatMap(({ warnings }) => warnings),
    [],
  );
});

test('processes that read, write and evict at once never fail one another', async (t) => {
  const { folder, digests, cache } = await newWorld(t, 40);
  const maxBytes = 8 * BLOB_BYTES;
  const others = [1, 3, 7, 11].map((stride) =>
    run(process.execPath, [READER, join(folder, 'store'), cache, `${maxBytes}`, `${stride}`]),
  );
  for (const { stdout } of await Promise.all(others)) {
    t.deepEqual(JSON.parse(stdout), { reads: 10 * digests.length, warnings: [] });
  }
  t.true((await bytesIn(cache)) <= maxBytes + others.length * BLOB_BYTES);
  t.deepEqual(await readdir(join(cache, '.partial')), []);
});
