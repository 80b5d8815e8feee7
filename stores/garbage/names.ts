const DIGEST = /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g;

/**
 * What JSON calls such files is bytes that name nothing further, or a digest of no blob. All else that
 * looks like a digest is followed, whatever it is called: a format to come loses nothing.
 */
const LEAVES = new Set(['weights', 'epochs', 'evaluation', 'explanation', 'state', 'loop', 'code']);
/** Its members have names of their own; a list of files has none. */
const LIST_OF_FILES = 'files';

/** A digest that something names, and whether it may name others. */
export type Named = { readonly digest: string; readonly isLeaf: boolean };

/** Every digest in a text, whatever stands around it. */
export function digestsIn(text: string): readonly string[] {
  return text.match(DIGEST) ?? [];
}

/** Every digest in an object of the store: JSON, or else any text. */
export function namedIn(bytes: Uint8Array): readonly Named[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const all = digestsIn(text);
  if (all.length === 0) return [];
  try {
    const followed = new Set(walk(JSON.parse(text) as unknown, '', false));
    return all.map((digest) => ({ digest, isLeaf: !followed.has(digest) }));
  } catch {
    return all.map((digest) => ({ digest, isLeaf: false }));
  }
}

/** Digests that may name others. */
function* walk(value: unknown, name: string, isLeaf: boolean): Generator<string> {
  if (typeof value === 'string') {
    if (!isLeaf && name !== LIST_OF_FILES) yield* digestsIn(value);
  } else if (Array.isArray(value)) {
    for (const each of value) yield* walk(each, name, isLeaf);
  } else if (typeof value === 'object' && value !== null) {
    for (const [own, each] of Object.entries(value)) {
      yield* walk(each, own === 'digest' ? name : own, isLeaf || LEAVES.has(own));
    }
  }
}
