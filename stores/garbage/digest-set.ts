const DIGEST_BYTES = 32;
const FIRST_CAPACITY = 1024;

/** Sha256 digests in 64 bytes each at most: a million of them as text would take a hundred megabytes. */
export type DigestSet = {
  readonly size: number;
  /** False where it was there. */
  add(digest: string): boolean;
  has(digest: string): boolean;
};

/** An empty set. Digests are lower-case hex; they are random, so that their first bytes are the hash. */
export function openDigestSet(): DigestSet {
  let [slots, capacity, size] = openSlots(FIRST_CAPACITY);

  function openSlots(count: number): [Buffer, number, number] {
    return [Buffer.alloc(count * DIGEST_BYTES), count, 0];
  }

  /** Where a digest is, or the free slot where it belongs. */
  function find(digest: Buffer): { readonly at: number; readonly there: boolean } {
    for (let slot = digest.readUInt32LE(0) % capacity; ; slot = (slot + 1) % capacity) {
      const at = slot * DIGEST_BYTES;
      if (digest.equals(slots.subarray(at, at + DIGEST_BYTES))) return { at, there: true };
      if (isFree(at)) return { at, there: false };
    }
  }

  function isFree(at: number): boolean {
    for (let i = 0; i < DIGEST_BYTES; i++) if (slots[at + i] !== 0) return false;
    return true;
  }

  function put(digest: Buffer): boolean {
    const { at, there } = find(digest);
    if (there) return false;
    digest.copy(slots, at);
    size += 1;
    return true;
  }

  function grow(): void {
    const old = slots;
    [slots, capacity, size] = openSlots(capacity * 2);
    for (let at = 0; at < old.length; at += DIGEST_BYTES) {
      const digest = old.subarray(at, at + DIGEST_BYTES);
      if (digest.some((byte) => byte !== 0)) put(digest);
    }
  }

  return {
    get size() {
      return size;
    },
    add(digest) {
      if (2 * (size + 1) > capacity) grow();
      return put(Buffer.from(digest, 'hex'));
    },
    has: (digest) => find(Buffer.from(digest, 'hex')).there,
  };
}
