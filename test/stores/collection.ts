import type { SerialFn } from 'ava';
import { setTimeout } from 'node:timers/promises';
import type { Result } from '../../leg/result.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { commitCheckpoint, writePart } from '../../stores/checkpoints.ts';
import { collectGarbage } from '../../stores/garbage/collect.ts';
import { openLeases } from '../../stores/leases.ts';
import { blobName, datasetName, teacherName } from '../../stores/names.ts';
import { commitResult } from '../../stores/results.ts';
import { digestJson } from '../../study/canonical.ts';
import { sampleCheckpoint, sampleResult } from './samples.ts';

/** Lists of some servers tell whole seconds only. */
const TICK_MILLISECONDS = 1100;

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
async function* each(digests: readonly string[]): AsyncGenerator<string> {
  yield* digests;
}

async function pointTo(store: ArtifactStore, name: string, manifest: unknown): Promise<string> {
  const { digest } = await store.putBlob(json(manifest));
  await store.putLatest(name, json({ schema: 1, manifest: digest }));
  return digest;
}

/** A finished training, with the lease and the checkpoints that a process which was killed has left. */
async function finished(store: ArtifactStore, init: number, files: Result['files']) {
  const sample = sampleResult(init);
  const result = { ...sample, files };
  await commitResult(store, result);
  await leaveCheckpoint(store, result.key, {});
  await openLeases(store).write(leaseOf(result.key, 'dead'));
  await openLeases(store).askToStop(result.key, 'dead');
}

async function leaveCheckpoint(store: ArtifactStore, key: string, index: object): Promise<void> {
  const state = await writePart(store, key, Buffer.from(`state of ${key}`));
  const part = await writePart(store, key, json(index));
  const checkpoint = {
    ...sampleCheckpoint(key, 1, 0, state.digest),
    files: { state, index: part },
  };
  await commitCheckpoint(store, checkpoint, new Set());
}

function leaseOf(key: string, process: string) {
  const at = new Date().toISOString();
  const times = { startedAt: at, at, advancedAt: at, intervalSeconds: 15 };
  return { schema: 1, key, process, host: 'laptop', ...times } as const;
}

async function namesOf(store: ArtifactStore): Promise<readonly string[]> {
  return await store.list('');
}

/** What the collector does to a real store. @param open a store in a place of its own */
export function collection(test: SerialFn, open: () => Promise<ArtifactStore>): void {
  test('collected is what nothing names and what is old, and nothing else', async (t) => {
    const store = await open();
    const blob = (text: string) => store.putBlob(Buffer.from(text));
    const rows = await Promise.all(['row 1', 'row 2'].map(blob));
    const logits = await store.putBlob(json({ schema: 1, epochs: rows }));
    await finished(store, 1, { weights: await blob('weights'), epochs: await blob('epochs') });
    await finished(store, 2, { logits });
    const taught = await blob('taught so far');
    await leaveCheckpoint(store, digestJson('unfinished'), { schema: 1, epochs: [taught] });
    const image = await blob('image');
    await pointTo(store, datasetName('mine'), { files: [{ name: 'a', ...image }] });
    const weights = await blob('weights of a teacher');
    await pointTo(store, teacherName('mine'), { schema: 1, weights: weights.digest });
    const replaced = await pointTo(store, teacherName('other'), {
      weights: (await blob('o')).digest,
    });
    await pointTo(store, teacherName('other'), { weights: (await blob('n')).digest });
    const before = await store.putBlob(json({ trials: [] }));
    const failures = await store.putBlob(json({ trials: [], before: before.digest }));
    const study = await store.putBlob(json({ study: { imported: [replaced] } }));
    await setTimeout(TICK_MILLISECONDS);
    const kept = await namesOf(store);

    const garbage = await Promise.all(['nobody', 'names', 'these'].map(blob));
    await store.putBlob(json({ trials: [{ id: 'of a study that has ended' }] }));
    await leaveCheckpoint(store, digestJson('given up'), {});
    await setTimeout(TICK_MILLISECONDS);
    const now = Date.now();
    await setTimeout(TICK_MILLISECONDS);
    const young = await blob('young');
    await openLeases(store).write(leaseOf(digestJson('unfinished'), 'alive'));
    const live = [study.digest, failures.digest, digestJson('unfinished')];

    const all = await namesOf(store);
    const options = { before: now, unfinishedBefore: now };
    const dry = await collectGarbage(store, each(live), { dryRun: true, ...options });
    t.deepEqual(await namesOf(store), all, 'a dry run removes nothing');
    const found = await collectGarbage(store, each(live), { dryRun: false, ...options });
    t.deepEqual(found, dry);
    const done = [1, 2].map((init) => sampleResult(init).key);
    const expected = [
      ...kept.filter(
        (name) =>
          !name.startsWith('progress/') &&
          !done.some((key) => name.startsWith(`checkpoints/${key}/`)),
      ),
      blobName(young.digest),
      `progress/${digestJson('unfinished')}/alive.json`,
    ];
    t.deepEqual(await namesOf(store), expected.toSorted());
    t.is(found.blobs.garbage, garbage.length + 1);
    t.is(found.checkpoints.garbage, 3 * 3);
    t.is(found.progress.garbage, 4);
  });

  test('a checkpoint without a result stays until it is given up', async (t) => {
    const store = await open();
    await leaveCheckpoint(store, digestJson('unfinished'), {});
    await setTimeout(TICK_MILLISECONDS);
    const options = { dryRun: false, before: Date.now(), unfinishedBefore: Date.now() - 60_000 };
    const { checkpoints } = await collectGarbage(store, each([]), options);
    t.is(checkpoints.garbage, 0);
    t.is((await namesOf(store)).length, 3);
  });

  test('a leg that computes again what nobody named loses nothing', async (t) => {
    const store = await open();
    const texts = Array.from({ length: 60 }, (_, i) => `bytes ${i}`);
    await Promise.all(texts.map((text) => store.putBlob(Buffer.from(text))));
    await setTimeout(TICK_MILLISECONDS);
    const options = { dryRun: false, before: Date.now(), unfinishedBefore: Date.now() };
    await setTimeout(TICK_MILLISECONDS);
    const writing = Promise.all(
      texts.map(async (text, init) => {
        await setTimeout(init * 5);
        const weights = await store.putBlob(Buffer.from(text));
        await commitResult(store, { ...sampleResult(init), files: { weights } });
        return weights;
      }),
    );
    const { blobs } = await collectGarbage(store, each([]), options);
    t.true(blobs.objects > 0);
    for (const { digest } of await writing) await t.notThrowsAsync(store.getBlob(digest));
  });
}
