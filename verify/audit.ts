import { errorText, isKdxError } from '../leg/errors.ts';
import type { BlobRef } from '../leg/result.ts';
import { sha256, type ArtifactStore } from '../stores/artifacts.ts';
import { blobName } from '../stores/names.ts';
import type { Finding } from './check.ts';

/** What an audit reads of the store. */
export type AuditedStore = Pick<ArtifactStore, 'get' | 'getJson' | 'list' | 'ping' | 'location'>;

/** Reads files back and remembers those that are damaged or missing. */
export type Audit = {
  /** Reads a file back by its digest: nothing where it is whole, else what was found in its stead. */
  readonly readBack: (file: BlobRef, name: string) => Promise<readonly Finding[]>;
  /** Remembers under a digest that something it stands for is damaged. */
  readonly lose: (digest: string, name: string) => void;
  /** Names of what was found damaged or missing among digests. */
  readonly lost: (digests: readonly (string | undefined)[]) => readonly string[];
};

/** Begins an audit of what a store holds; its reads go past every cache. */
export function openAudit(store: AuditedStore): Audit {
  const lostNames = new Map<string, string>();
  return {
    readBack: async ({ digest, bytes }, name) => {
      const found = await findInstead(store, digest);
      if (found === undefined) return [];
      lostNames.set(digest, lostNames.get(digest) ?? name);
      const detail = `expected sha256 ${digest}, ${bytes} bytes; found ${found}`;
      return [{ what: name, verdict: 'damaged', detail }];
    },
    lose: (digest, name) => void lostNames.set(digest, name),
    lost: (digests) => {
      const names = digests.map((digest) => digest && lostNames.get(digest));
      return [...new Set(names.filter((name) => name !== undefined))];
    },
  };
}

/** What lies where a blob should be; undefined where it is that blob. */
async function findInstead(store: AuditedStore, digest: string): Promise<string | undefined> {
  try {
    const bytes = await store.get(blobName(digest));
    if (bytes === undefined) return 'nothing';
    const found = sha256(bytes);
    return found === digest ? undefined : `sha256 ${found}, ${bytes.byteLength} bytes`;
  } catch (error) {
    return `what cannot be read: ${await problemOf(store, error)}`;
  }
}

/**
 * Text of an error that concerns one object.
 * @throws the error itself, or that of the store, where the whole store is out of reach
 */
export async function problemOf(
  store: Pick<ArtifactStore, 'ping'>,
  error: unknown,
): Promise<string> {
  if (isKdxError(error) && error.code === 'Configuration') throw error;
  if (isKdxError(error) && error.code === 'ObjectStore') await store.ping();
  return errorText(error);
}

/** Says that something is not recomputed because of what was lost. */
export function blocked(what: string, lost: readonly string[]): Finding {
  return { what, verdict: 'unchecked', detail: `cannot be recomputed; ${lostText(lost)}` };
}

/** What was lost, at the end of a line. */
export function lostText(lost: readonly string[]): string {
  return `damaged or missing: ${lost.join(', ')}`;
}
