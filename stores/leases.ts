import type { AgedLease, Leases } from '../leg/ports.ts';
import type { Lease } from '../leg/result.ts';
import { canonicalJson } from '../study/canonical.ts';
import type { ArtifactStore } from './artifacts.ts';
import { progressName, progressPrefix, stopName } from './names.ts';

type Store = Pick<ArtifactStore, 'list' | 'getAged' | 'putLatest' | 'has' | 'remove'>;

/** Leases of legs as objects under `progress/<key>/`. */
export function openLeases(store: Store): Leases {
  return {
    list: async (key) => {
      const names = (await store.list(progressPrefix(key))).filter((name) =>
        name.endsWith('.json'),
      );
      const found = await Promise.all(names.map((name) => read(store, name)));
      return found.filter((lease) => lease !== undefined);
    },
    read: (key, process) => read(store, progressName(key, process)),
    write: (lease) =>
      store.putLatest(progressName(lease.key, lease.process), Buffer.from(canonicalJson(lease))),
    askToStop: (key, process) => store.putLatest(stopName(key, process), new Uint8Array()),
    isAskedToStop: (key, process) => store.has(stopName(key, process)),
    remove: async (key, process) => {
      await store.remove(progressName(key, process));
      await store.remove(stopName(key, process));
    },
  };
}

async function read(store: Store, name: string): Promise<AgedLease | undefined> {
  const found = await store.getAged(name);
  if (found === undefined) return undefined;
  const lease = parse(found.bytes);
  return lease === undefined ? undefined : { lease, ageSeconds: found.ageSeconds };
}

/** What is no lease holds nothing: a leg is computed twice at worst, to the same bytes. */
function parse(bytes: Uint8Array): Lease | undefined {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Lease> | null;
    return value?.schema === 1 && typeof value.intervalSeconds === 'number'
      ? (value as Lease)
      : undefined;
  } catch {
    return undefined;
  }
}
