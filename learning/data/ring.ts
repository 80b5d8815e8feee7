import { batchIn, batchMemory, type BatchMemory, type MemoryOptions } from './assembly.ts';
import type { Batch } from './batch.ts';
import type { ImageSet } from './records.ts';

/**
 * A few batches in memory that two threads share. Batches have numbers; number n lies in slot
 * n modulo the slots. Whoever claims a number assembles it, so that none is assembled twice and the
 * reader never waits for a thread that has not begun. The reader gives a slot back by going on.
 */
export type Ring = {
  /** Words at `CLAIMED`, `RELEASED`, and for each slot at `READY` and after. */
  readonly control: Int32Array;
  readonly slots: readonly BatchMemory[];
};

/** The lowest number that nobody has claimed. */
const CLAIMED = 0;
/** The number that the reader holds or waits for: all lower ones are done with. */
const RELEASED = 1;
/** For each slot one more than the number that lies in it, whole; 0 before the first. */
const READY = 2;

/** One in use, one complete, one under way, and one for a step that was short. */
const MOST_SLOTS = 4;
const LEAST_SLOTS = 2;
/** Large batches have fewer slots, not more memory. */
const BUDGET_BYTES = 64 * 2 ** 20;

/** @param start number of the first batch */
export function createRing(
  batch: number,
  set: ImageSet,
  start: number,
  { strong = false }: Pick<MemoryOptions, 'strong'> = {},
): Ring {
  const views = strong ? 2 : 1;
  const bytes = batchMemory(1, set).images.byteLength * batch * views;
  const affordable = Math.floor(BUDGET_BYTES / bytes);
  const count = Math.max(LEAST_SLOTS, Math.min(MOST_SLOTS, affordable));
  const control = new Int32Array(new SharedArrayBuffer((READY + count) * 4));
  control.set([start, start]);
  return {
    control,
    slots: Array.from({ length: count }, () => batchMemory(batch, set, { share: true, strong })),
  };
}

export function slotOf({ slots }: Ring, number: number): BatchMemory {
  return slots[number % slots.length] as BatchMemory;
}

/** The batch in its slot, once it is there. */
export function batchOfRing(ring: Ring, number: number, images: number, set: ImageSet): Batch {
  return batchIn(slotOf(ring, number), images, set);
}

/** The reader is done with all batches below `number`, and claims it if nobody has; true if so. */
export function goOnTo({ control }: Ring, number: number): boolean {
  Atomics.store(control, RELEASED, number);
  Atomics.notify(control, RELEASED);
  return Atomics.compareExchange(control, CLAIMED, number, number + 1) === number;
}

/** Claims the next number below `end`, waiting for a free slot; nothing where there is none left. */
export function claimNext({ control, slots }: Ring, end: number): number | undefined {
  for (;;) {
    const next = Atomics.load(control, CLAIMED);
    if (next >= end) return undefined;
    const released = Atomics.load(control, RELEASED);
    if (next >= released + slots.length) Atomics.wait(control, RELEASED, released);
    else if (Atomics.compareExchange(control, CLAIMED, next, next + 1) === next) return next;
  }
}

/** Number `number` lies whole in its slot. */
export function publish({ control, slots }: Ring, number: number): void {
  const word = READY + (number % slots.length);
  Atomics.store(control, word, number + 1);
  Atomics.notify(control, word);
}

/** Wakes a reader that waits for a batch, whether or not it has come. */
export function wakeReader({ control, slots }: Ring): void {
  for (const slot of slots.keys()) Atomics.notify(control, READY + slot);
}

/**
 * Resolves when number `number` lies in its slot; the thread's events are heard meanwhile.
 *
 * @param check called before and after every wait; may throw to end it
 */
export async function arrived(
  { control, slots }: Ring,
  number: number,
  check: () => void,
): Promise<void> {
  const word = READY + (number % slots.length);
  for (;;) {
    check();
    const found = Atomics.load(control, word);
    if (found === number + 1) return;
    await Atomics.waitAsync(control, word, found).value;
  }
}
