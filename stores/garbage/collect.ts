import pMap from 'p-map';
import type { ArtifactStore } from '../artifacts.ts';
import { checkpointPrefix, resultName } from '../names.ts';
import type { Listed } from '../objects.ts';
import type { DigestSet } from './digest-set.ts';
import { markNamed } from './mark.ts';

export type CollectOptions = {
  readonly dryRun: boolean;
  /** What was written later is left alone; milliseconds since 1970. */
  readonly before: number;
  /** The same for checkpoints without a result. */
  readonly unfinishedBefore: number;
};

/** What a collection found of a kind: how much there is, and how much of it is garbage. */
export type Collected = {
  readonly objects: number;
  readonly bytes: number;
  readonly garbage: number;
  readonly garbageBytes: number;
};

export const KINDS = ['blobs', 'checkpoints', 'progress', 'uploads'] as const;
export type Kind = (typeof KINDS)[number];
export type Collection = Readonly<Record<Kind, Collected>>;

export type CollectedStore = Pick<
  ArtifactStore,
  'scan' | 'list' | 'get' | 'stat' | 'unfinished' | 'remove'
>;

const AT_ONCE = 16;
const KEY = /^checkpoints\/([0-9a-f]{64})\//;
const BLOB = /^blobs\/([0-9a-f]{64})$/;

/**
 * Removes what nothing names and what is older than the grace period: blobs, checkpoints of work that is
 * done or given up, what dead processes left. With `dryRun` it counts them and removes nothing. Never
 * touches what a result, a dataset, a teacher, a benchmark, a report or a running workflow names.
 * @param live digests that workflows which run name
 */
export async function collectGarbage(
  store: CollectedStore,
  live: AsyncIterable<string>,
  options: CollectOptions,
): Promise<Collection> {
  const keys = await checkpointKeys(store);
  const named = await markNamed(store, live, keys.keys());
  return {
    checkpoints: await collectCheckpoints(store, keys, named, options),
    progress: await collectProgress(store, options),
    uploads: await collectUploads(store, options),
    blobs: await collectBlobs(store, named, options),
  };
}

/** Keys with checkpoints, and when the newest of each was written. */
async function checkpointKeys(store: CollectedStore): Promise<ReadonlyMap<string, number>> {
  const keys = new Map<string, number>();
  for await (const page of store.scan('checkpoints/')) {
    for (const { name, modifiedAt } of page) {
      const key = KEY.exec(name)?.[1];
      if (key !== undefined) keys.set(key, Math.max(keys.get(key) ?? 0, modifiedAt));
    }
  }
  return keys;
}

async function collectCheckpoints(
  store: CollectedStore,
  keys: ReadonlyMap<string, number>,
  named: DigestSet,
  options: CollectOptions,
): Promise<Collected> {
  const count = openCount();
  await pMap(
    keys,
    async ([key, newest]) => {
      const isDone = (await store.stat(resultName(key))) !== undefined;
      const isGivenUp = newest < options.unfinishedBefore && !named.has(key);
      // One after the other: manifests sort before their parts and go first.
      for await (const page of store.scan(checkpointPrefix(key))) {
        for (const object of page) {
          const isOld = object.modifiedAt < options.before;
          await discard(store, object, (isDone || isGivenUp) && isOld, options, count);
        }
      }
    },
    { concurrency: AT_ONCE },
  );
  return count;
}

/** A process renews its lease every few seconds: what is so old is of one that is gone. */
async function collectProgress(store: CollectedStore, options: CollectOptions): Promise<Collected> {
  const count = openCount();
  for await (const page of store.scan('progress/')) {
    await pMap(
      page,
      (object) => discard(store, object, object.modifiedAt < options.before, options, count),
      { concurrency: AT_ONCE },
    );
  }
  return count;
}

async function collectUploads(
  store: CollectedStore,
  { dryRun, before }: CollectOptions,
): Promise<Collected> {
  const count = openCount();
  for (const upload of await store.unfinished()) {
    const isGarbage = upload.modifiedAt < before;
    if (isGarbage && !dryRun) await upload.remove();
    note(count, upload.bytes, isGarbage);
  }
  return count;
}

async function collectBlobs(
  store: CollectedStore,
  named: DigestSet,
  options: CollectOptions,
): Promise<Collected> {
  const count = openCount();
  for await (const page of store.scan('blobs/')) {
    await pMap(
      page,
      async (object) => {
        const digest = BLOB.exec(object.name)?.[1];
        const isOld = object.modifiedAt < options.before;
        const isGarbage = digest !== undefined && isOld && !named.has(digest);
        await discard(store, object, isGarbage, options, count);
      },
      { concurrency: AT_ONCE },
    );
  }
  return count;
}

/** Counts an object, and removes one that is garbage unless it was written anew since it was listed. */
async function discard(
  store: CollectedStore,
  { name, bytes, modifiedAt }: Listed,
  isGarbage: boolean,
  { dryRun }: CollectOptions,
  count: Count,
): Promise<void> {
  if (!isGarbage || dryRun) return note(count, bytes, isGarbage);
  const now = await store.stat(name);
  // Lists tell milliseconds, and headers seconds.
  const isSame = now !== undefined && now.modifiedAt - modifiedAt < 1000;
  if (isSame) await store.remove(name);
  note(count, bytes, isSame);
}

type Count = { -readonly [Name in keyof Collected]: number };

function openCount(): Count {
  return { objects: 0, bytes: 0, garbage: 0, garbageBytes: 0 };
}

function note(count: Count, bytes: number, isGarbage: boolean): void {
  count.objects += 1;
  count.bytes += bytes;
  if (!isGarbage) return;
  count.garbage += 1;
  count.garbageBytes += bytes;
}
