import { randomBytes } from 'node:crypto';
import type { TestFn, SerialFn } from 'ava';
import { KdxError } from '../../leg/errors.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { blobName, checkpointName, checkpointPrefix } from '../../stores/names.ts';

/** A place for artifacts that the suite runs against. */
export type Place = {
  readonly name: string;
  /** A store in an empty bucket or folder of its own. */
  open(): Promise<ArtifactStore>;
  /** Another client of the same bucket or folder. */
  reopen(store: ArtifactStore): ArtifactStore;
  /** Takes the server down hard and brings it back; nothing for a folder. */
  restart(): Promise<void>;
};

const KEY = 'a'.repeat(64);
const text = (value: string) => new TextEncoder().encode(value);

/** What every artifact store does; the same for a folder, SeaweedFS and MinIO. */
export function conformance(test: TestFn | SerialFn, place: () => Place): void {
  blobs(test, place);
  manifests(test, place);
  listings(test, place);
  durability(test, place);
}

function blobs(test: TestFn | SerialFn, place: () => Place): void {
  test('gives back the bytes of a blob by their digest', async (t) => {
    const store = await place().open();
    for (const bytes of [new Uint8Array(0), text('weights'), new Uint8Array(randomBytes(70_000))]) {
      const ref = await store.putBlob(bytes);
      t.is(ref.bytes, bytes.byteLength);
      t.deepEqual(new Uint8Array(await store.getBlob(ref.digest)), bytes);
    }
  });

  test('stores a view into a larger buffer as that view', async (t) => {
    const store = await place().open();
    const whole = new Uint8Array(randomBytes(100));
    const ref = await store.putBlob(whole.subarray(10, 20));
    t.deepEqual(new Uint8Array(await store.getBlob(ref.digest)), whole.slice(10, 20));
  });

  test('carries a blob of 20 MB', async (t) => {
    const store = await place().open();
    const bytes = randomBytes(20 * 1024 * 1024);
    const ref = await store.putBlob(bytes);
    t.is(Buffer.compare(bytes, await store.getBlob(ref.digest)), 0);
  });

  test('does not send a blob that is there', async (t) => {
    const store = await place().open();
    const { digest } = await store.putBlob(text('teacher'));
    // An object of the same name and size would be overwritten if the bytes were sent.
    await store.putLatest(blobName(digest), text('TEACHER'));
    await place().reopen(store).putBlob(text('teacher'));
    t.deepEqual(await store.get(blobName(digest)), Buffer.from('TEACHER'));
  });

  test('refuses a blob whose bytes were changed, naming it, and mends it when stored again', async (t) => {
    const store = await place().open();
    const { digest } = await store.putBlob(text('student'));
    await store.putLatest(blobName(digest), text('STUDENT'));
    const error = await t.throwsAsync(store.getBlob(digest), { instanceOf: KdxError });
    t.is(error.code, 'DataMismatch');
    t.true(error.message.includes(`${store.location}/blobs/${digest}`), error.message);
    await store.putBlob(text('student'));
    t.deepEqual(await store.getBlob(digest), Buffer.from('student'));
  });

  test('refuses a blob that was cut short, and mends it when stored again', async (t) => {
    const store = await place().open();
    const { digest } = await store.putBlob(text('checkpoint'));
    await store.putLatest(blobName(digest), text('check'));
    await t.throwsAsync(store.getBlob(digest), { code: 'DataMismatch' });
    await place().reopen(store).putBlob(text('checkpoint'));
    t.deepEqual(await store.getBlob(digest), Buffer.from('checkpoint'));
  });

  test('refuses a blob that is missing, naming it', async (t) => {
    const store = await place().open();
    const error = await t.throwsAsync(store.getBlob(KEY), { code: 'DataMismatch' });
    t.regex(error?.message ?? '', new RegExp(`blobs/${KEY} is missing`));
  });
}

function manifests(test: TestFn | SerialFn, place: () => Place): void {
  test('writes a manifest once and takes an equal one for success', async (t) => {
    const store = await place().open();
    t.is(await store.putOnce('results/a.json', text('{"a":1}')), 'written');
    t.is(await store.putOnce('results/a.json', text('{"a":1}')), 'same');
    t.deepEqual(await store.getJson('results/a.json'), { a: 1 });
  });

  test('refuses a different manifest under the same name and keeps the first', async (t) => {
    const store = await place().open();
    await store.putOnce('results/a.json', text('{"a":1}'));
    const refused = store.putOnce('results/a.json', text('{"a":2}'));
    const error = await t.throwsAsync(refused, { code: 'CodeBug' });
    t.true(error?.message.includes(`${store.location}/results/a.json`));
    t.deepEqual(await store.getJson('results/a.json'), { a: 1 });
  });

  test('lets exactly one of eight racing writers of different manifests win', async (t) => {
    const store = await place().open();
    for (let round = 0; round < 3; round++) {
      const name = `results/race-${round}.json`;
      const writers = Array.from({ length: 8 }, (_, i) =>
        place()
          .reopen(store)
          .putOnce(name, text(JSON.stringify({ writer: i, round }))),
      );
      const ends = await Promise.allSettled(writers);
      const winners = ends.flatMap((end, i) => (end.status === 'fulfilled' ? [i] : []));
      t.is(winners.length, 1);
      t.deepEqual(await store.getJson(name), { writer: winners[0], round });
    }
  });

  test('overwrites the latest word', async (t) => {
    const store = await place().open();
    await store.putLatest('progress/k/1.json', text('{"step":1}'));
    await store.putLatest('progress/k/1.json', text('{"step":20}'));
    t.deepEqual(await store.getJson('progress/k/1.json'), { step: 20 });
  });

  test('tells an absent object from an empty one', async (t) => {
    const store = await place().open();
    await store.putLatest('empty', new Uint8Array(0));
    t.is((await store.get('empty'))?.byteLength, 0);
    t.is(await store.get('absent'), undefined);
    t.is(await store.getJson('results/absent.json'), undefined);
  });

  test('names the object that is not JSON', async (t) => {
    const store = await place().open();
    await store.putLatest('results/b.json', text('{"half":'));
    const error = await t.throwsAsync(store.getJson('results/b.json'), { code: 'DataMismatch' });
    t.true(error?.message.includes('results/b.json'));
  });

  test('refuses a name that leads upwards or is no name', async (t) => {
    const store = await place().open();
    for (const name of ['../x', 'a/../../x', '', '/x', 'a//b', 'a b', 'a/']) {
      await t.throwsAsync(store.putLatest(name, text('x')), { code: 'CodeBug' }, name);
    }
  });
}

function listings(test: TestFn | SerialFn, place: () => Place): void {
  test('lists checkpoints in the order of training and nothing else', async (t) => {
    const store = await place().open();
    const positions = [
      [10, 0],
      [2, 900],
      [2, 1000],
      [9, 5],
      [0, 1],
    ] as const;
    for (const [epoch, step] of positions) {
      await store.putLatest(checkpointName(KEY, epoch, step), text('{}'));
    }
    await store.putLatest(checkpointName('b'.repeat(64), 1, 1), text('{}'));
    const names = await store.list(checkpointPrefix(KEY));
    const inOrder = [
      [0, 1],
      [2, 900],
      [2, 1000],
      [9, 5],
      [10, 0],
    ] as const;
    t.deepEqual(
      names,
      inOrder.map(([epoch, step]) => checkpointName(KEY, epoch, step)),
    );
  });

  test('lists more names than one page holds', async (t) => {
    const store = await place().open();
    const names = Array.from({ length: 1005 }, (_, i) => `many/${String(i).padStart(4, '0')}`);
    for (let i = 0; i < names.length; i += 50) {
      await Promise.all(names.slice(i, i + 50).map((name) => store.putLatest(name, text('x'))));
    }
    t.deepEqual(await store.list('many/'), names);
  });

  test('lists nothing where nothing is, and nothing that was removed', async (t) => {
    const store = await place().open();
    t.deepEqual(await store.list('runs/'), []);
    await store.putLatest('runs/a.json', text('{}'));
    await store.putLatest('runs/b.json', text('{}'));
    await store.remove('runs/a.json');
    await store.remove('runs/never.json');
    t.deepEqual(await store.list('runs/'), ['runs/b.json']);
  });
}

function durability(test: TestFn | SerialFn, place: () => Place): void {
  test('can be made ready any number of times', async (t) => {
    const store = await place().open();
    await Promise.all([store.ensureBucket(), store.ensureBucket()]);
    await store.ensureBucket();
    await t.notThrowsAsync(store.ping());
  });

  test('keeps everything over a hard restart', async (t) => {
    const store = await place().open();
    const { digest } = await store.putBlob(text('kept'));
    await store.putOnce('results/kept.json', text('{"kept":true}'));
    await place().restart();
    const again = place().reopen(store);
    t.deepEqual(await again.getBlob(digest), Buffer.from('kept'));
    t.is(await again.putOnce('results/kept.json', text('{"kept":true}')), 'same');
    t.deepEqual(await again.list(''), [blobName(digest), 'results/kept.json']);
  });
}
