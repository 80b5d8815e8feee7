import pMap from 'p-map';
import { DIGITS_MANIFEST, manifestDigest } from '../../study/dataset-manifest.ts';
import type { ArtifactStore } from '../artifacts.ts';
import { blobName, checkpointPrefix, partName } from '../names.ts';
import { openDigestSet, type DigestSet } from './digest-set.ts';
import { digestsIn, namedIn, type Named } from './names.ts';

export type MarkedStore = Pick<ArtifactStore, 'scan' | 'list' | 'get'>;

/** What is named by, and pages that show what people read. */
const ROOTS = ['datasets/', 'teachers/', 'benchmarks/', 'reports/', 'results/'] as const;
const READS_AT_ONCE = 16;
/** A leg that writes checkpoints replaces them while they are read. */
const TRIES = 10;

/**
 * Digests that anything names which stays: checkpoints, workflows that run, results, datasets, teachers,
 * benchmarks, reports. Results come last: what a leg has named in its checkpoint it names in its result
 * before that checkpoint goes.
 * @param live digests that workflows which run name
 * @param keys those with checkpoints
 */
export async function markNamed(
  store: MarkedStore,
  live: AsyncIterable<string>,
  keys: Iterable<string>,
): Promise<DigestSet> {
  const marks = openMarks(store);
  await pMap(keys, (key) => markCheckpoints(store, key, marks), { concurrency: READS_AT_ONCE });
  for await (const digest of live) await marks.follow([{ digest, isLeaf: false }]);
  // Every build knows the digits, and no name in the store stands for them.
  const digits = manifestDigest(DIGITS_MANIFEST);
  const files = DIGITS_MANIFEST.files.map(({ digest }) => ({ digest, isLeaf: true }));
  await marks.follow([{ digest: digits, isLeaf: true }, ...files]);
  for (const root of ROOTS) {
    for await (const page of store.scan(root)) {
      await pMap(
        page,
        async ({ name }) => {
          const bytes = await store.get(name);
          if (bytes !== undefined) await marks.follow(namedIn(bytes));
        },
        { concurrency: READS_AT_ONCE },
      );
    }
  }
  return marks.named;
}

type Marks = { readonly named: DigestSet; follow(found: readonly Named[]): Promise<void> };

function openMarks(store: MarkedStore): Marks {
  const [named, followed] = [openDigestSet(), openDigestSet()];
  return {
    named,
    async follow(found) {
      const open = [...found];
      for (let next = open.pop(); next !== undefined; next = open.pop()) {
        named.add(next.digest);
        if (next.isLeaf || !followed.add(next.digest)) continue;
        const bytes = await store.get(blobName(next.digest));
        if (bytes !== undefined && isJson(bytes)) open.push(...namedIn(bytes));
      }
    },
  };
}

function isJson(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7b || bytes[0] === 0x5b;
}

/** What the checkpoints of a leg name: the logits that it has taught so far are blobs. */
async function markCheckpoints(store: MarkedStore, key: string, marks: Marks): Promise<void> {
  for (let tries = TRIES; ; tries--) {
    const names = await store.list(checkpointPrefix(key));
    const manifests = await Promise.all(
      names.filter((name) => name.endsWith('.json')).map((name) => store.get(name)),
    );
    const all = manifests.flatMap((bytes) => (bytes === undefined ? [] : namedIn(bytes)));
    const parts = all.filter(({ isLeaf, digest }) => !isLeaf && digest !== key);
    const read = await Promise.all(parts.map(({ digest }) => store.get(partName(key, digest))));
    for (const bytes of read) {
      if (bytes === undefined) continue;
      const found = digestsIn(Buffer.from(bytes).toString('latin1'));
      await marks.follow(found.map((digest) => ({ digest, isLeaf: true })));
    }
    // Replaced meanwhile: the ones that stand there now name the same and more.
    const isWhole = manifests.every((bytes) => bytes !== undefined) && !read.includes(undefined);
    if (isWhole || tries === 1) return;
  }
}
