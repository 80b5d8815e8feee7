import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KdxError } from '../../leg/errors.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { openFolderStore } from '../../stores/folder.ts';
import { openLegPorts } from '../../stores/leg-ports.ts';
import {
  blobName,
  checkpointName,
  checkpointPrefix,
  partName,
  resultName,
} from '../../stores/names.ts';
import { lookUpResults, readResult } from '../../stores/results.ts';
import { listRuns } from '../../stores/runs.ts';
import { canonicalJson } from '../../study/canonical.ts';
import { sampleCheckpoint, sampleResult, sampleRun } from './samples.ts';

const { key } = sampleResult(1);
const text = (value: string) => Buffer.from(value);

async function newPorts(t: ExecutionContext) {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-test-ports-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const store = openFolderStore(join(folder, 'store'));
  await store.ensureBucket();
  const cacheDir = join(folder, 'cache');
  return { store, cacheDir, ports: openLegPorts({ store, key, cacheDir }) };
}

/** A store that counts what is fetched from it. */
function counting(store: ArtifactStore) {
  const fetched: string[] = [];
  const getBlob = (digest: string) => {
    fetched.push(digest);
    return store.getBlob(digest);
  };
  return { fetched, store: { ...store, getBlob } };
}

test('fetches a blob once for all legs of a machine', async (t) => {
  const { store, cacheDir } = await newPorts(t);
  const { digest } = await store.putBlob(text('teacher weights'));
  const { fetched, store: counted } = counting(store);
  const legs = [1, 2].map(() => openLegPorts({ store: counted, key, cacheDir }));
  for (const leg of legs) t.deepEqual(await leg.readBlob(digest), text('teacher weights'));
  t.deepEqual(fetched, [digest]);
  t.deepEqual(await readdir(join(cacheDir, '.partial')), []);
});

test('fetches a cached blob again when its copy is bad, and mends the copy', async (t) => {
  const { store, cacheDir, ports } = await newPorts(t);
  const { digest } = await store.putBlob(text('dataset'));
  await ports.readBlob(digest);
  const copy = join(cacheDir, blobName(digest));
  await writeFile(copy, 'datas');
  t.deepEqual(await ports.readBlob(digest), text('dataset'));
  t.deepEqual(await readFile(copy), text('dataset'));
});

test('lets many legs read one blob at once', async (t) => {
  const { store, cacheDir } = await newPorts(t);
  const { digest } = await store.putBlob(Buffer.alloc(300_000, 7));
  const reads = Array.from({ length: 12 }, () =>
    openLegPorts({ store, key, cacheDir }).readBlob(digest),
  );
  for (const bytes of await Promise.all(reads)) t.is(bytes.byteLength, 300_000);
});

test('reads blobs where the cache cannot be written', async (t) => {
  const { store, cacheDir, ports } = await newPorts(t);
  await writeFile(cacheDir, 'a file where the folder should be');
  const { digest } = await store.putBlob(text('dataset'));
  t.deepEqual(await ports.readBlob(digest), text('dataset'));
});

test('keeps the newest two checkpoints with their parts, and gives them newest first', async (t) => {
  const { store, ports } = await newPorts(t);
  const parts: string[] = [];
  for (const [epoch, step] of [
    [0, 40],
    [1, 0],
    [2, 0],
    [10, 0],
  ] as const) {
    const { digest } = await ports.writePart(text(`state ${epoch} ${step}`));
    parts.push(digest);
    await ports.commitCheckpoint(sampleCheckpoint(key, epoch, step, digest));
  }
  const kept = await ports.listCheckpoints();
  t.deepEqual(
    kept.map(({ epoch }) => epoch),
    [10, 2],
  );
  const left = parts.slice(2).map((digest) => partName(key, digest));
  t.deepEqual(await store.list(`${checkpointPrefix(key)}parts/`), left.sort());
  t.deepEqual(await store.list('blobs/'), []);
});

test('removes parts that it has stored and not committed, and no other process', async (t) => {
  const { store, ports } = await newPorts(t);
  const other = openLegPorts({ store, key });
  await ports.writePart(text('given up'));
  const theirs = await other.writePart(text('about to be committed'));
  const state = await ports.writePart(text('state'));
  await ports.commitCheckpoint(sampleCheckpoint(key, 1, 0, state.digest));
  t.deepEqual(await ports.readPart(theirs.digest), Buffer.from('about to be committed'));
  const left = [theirs, state].map(({ digest }) => partName(key, digest));
  t.deepEqual(await store.list(`${checkpointPrefix(key)}parts/`), left.sort());
});

test('names a part of a checkpoint that is missing or holds other bytes', async (t) => {
  const { store, ports } = await newPorts(t);
  const { digest } = await ports.writePart(text('state'));
  await store.putLatest(partName(key, digest), text('estate'));
  const message = new RegExp(`${partName(key, digest)} holds other bytes`);
  await t.throwsAsync(ports.readPart(digest), { code: 'DataMismatch', message });
  await store.remove(partName(key, digest));
  await t.throwsAsync(ports.readPart(digest), { code: 'DataMismatch', message: /is missing$/ });
});

test('leaves out checkpoints that cannot be read', async (t) => {
  const { store, ports } = await newPorts(t);
  await ports.commitCheckpoint(sampleCheckpoint(key, 1, 0, 'a'.repeat(64)));
  await store.putLatest(checkpointName(key, 2, 0), text('{"schema":1,'));
  await store.putLatest(checkpointName(key, 3, 0), text('null'));
  const misplaced = sampleCheckpoint('b'.repeat(64), 4, 0, 'a'.repeat(64));
  await store.putLatest(checkpointName(key, 4, 0), text(canonicalJson(misplaced)));
  t.deepEqual(
    (await ports.listCheckpoints()).map(({ epoch }) => epoch),
    [1],
  );
});

test('commits a result once, as canonical JSON, and takes the checkpoints away', async (t) => {
  const { store, ports } = await newPorts(t);
  const result = sampleResult(1);
  const { digest } = await ports.writePart(text('state'));
  await ports.commitCheckpoint(sampleCheckpoint(key, 1, 0, digest));
  await ports.commitResult(result);
  await ports.commitResult(result);
  t.deepEqual(await store.get(resultName(key)), text(canonicalJson(result)));
  t.deepEqual(await store.list(checkpointPrefix(key)), [], 'nor their parts');
  const other = { ...result, metrics: { 'test.top1.last': 1 } };
  await t.throwsAsync(ports.commitResult(other), { code: 'CodeBug' });
  t.deepEqual(await readResult(store, key), result);
});

test('finds the results of many keys and leaves out those that are not there', async (t) => {
  const { store, ports } = await newPorts(t);
  const results = Array.from({ length: 40 }, (_, i) => sampleResult(i));
  for (const result of results) await ports.commitResult(result);
  const absent = sampleResult(99).key;
  const found = await lookUpResults(store, [absent, ...results.map((result) => result.key), key]);
  t.is(found.size, 40);
  t.false(found.has(absent));
  for (const result of results) t.deepEqual(found.get(result.key), result);
});

test('refuses a result that was altered or misplaced, naming it', async (t) => {
  const { store } = await newPorts(t);
  const altered = { ...sampleResult(1), spec: sampleResult(2).spec };
  for (const bad of [altered, sampleResult(2), { ...sampleResult(1), schema: 2 }, null, 7]) {
    await store.putLatest(resultName(key), text(JSON.stringify(bad)));
    const error = await t.throwsAsync(readResult(store, key), { instanceOf: KdxError });
    t.is(error.code, 'DataMismatch');
    t.true(error.message.includes(resultName(key)));
  }
});

test('keeps a record of every process, earliest first', async (t) => {
  const { store, ports } = await newPorts(t);
  for (const launch of [2, 0, 1]) await ports.recordRun(sampleRun(key, launch));
  t.deepEqual(
    (await listRuns(store, key)).map(({ launch }) => launch),
    [0, 1, 2],
  );
  t.deepEqual(await listRuns(store, sampleResult(2).key), []);
});

test('refuses a digest that is none', async (t) => {
  const { ports } = await newPorts(t);
  for (const digest of ['', '../../etc/passwd', 'A'.repeat(64), 'a'.repeat(63)]) {
    await t.throwsAsync(ports.readBlob(digest), { code: 'CodeBug' });
  }
});
