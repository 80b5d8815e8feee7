import type { tf } from '../backend.ts';

/** A copy of some variables' values outside of the host: a session's. */
export type Copy = {
  /** Brings the host up to date with all of them that are newest here. */
  bringToHost(): void;
};

/** Who has a variable's value. */
type Whereabouts = {
  readonly copies: Set<Copy>;
  /** Copies that have the newest value. */
  readonly current: Set<Copy>;
  /** The copy that the host lags behind; absent while the host has the newest value. */
  ahead: Copy | undefined;
  readonly unwatch: () => void;
};

const whereabouts = new WeakMap<tf.Variable, Whereabouts>();

function of(variable: tf.Variable): Whereabouts {
  return whereabouts.get(variable) as Whereabouts;
}

/**
 * Makes every use of a variable on the host heard. Whatever tfjs does with one, reading, computing,
 * cloning, assigning, goes by its `dataId`: so no stale value is ever read, and no assignment is
 * overlooked, without anybody having to remember to synchronise. Gives the way back.
 */
function watch(variable: tf.Variable, read: () => void, written: () => void): () => void {
  let { dataId } = variable;
  const property = { configurable: true, enumerable: true };
  Object.defineProperty(variable, 'dataId', {
    ...property,
    get: () => {
      read();
      return dataId;
    },
    set: (next: typeof dataId) => {
      dataId = next;
      written();
    },
  });
  return () =>
    Object.defineProperty(variable, 'dataId', { ...property, writable: true, value: dataId });
}

/** A copy begins, without the value yet. */
export function join(variable: tf.Variable, copy: Copy): void {
  const known = whereabouts.get(variable);
  if (known !== undefined) {
    known.copies.add(copy);
    return;
  }
  const current = new Set<Copy>();
  const unwatch = watch(
    variable,
    () => of(variable).ahead?.bringToHost(),
    () => current.clear(),
  );
  whereabouts.set(variable, { copies: new Set([copy]), current, ahead: undefined, unwatch });
}

/** A copy ends, after it has brought to the host what was newest there. */
export function leave(variable: tf.Variable, copy: Copy): void {
  const { copies, current, unwatch } = of(variable);
  copies.delete(copy);
  current.delete(copy);
  if (copies.size > 0) return;
  unwatch();
  whereabouts.delete(variable);
}

export function isCurrent(variable: tf.Variable, copy: Copy): boolean {
  return of(variable).current.has(copy);
}

export function isAhead(variable: tf.Variable, copy: Copy): boolean {
  return of(variable).ahead === copy;
}

/** The copy got the value from the host, or gave it to the host. */
export function agreed(variable: tf.Variable, copy: Copy): void {
  const { current } = of(variable);
  of(variable).ahead = undefined;
  current.add(copy);
}

/** The copy changed the value: the host and all other copies lag behind. */
export function changed(variable: tf.Variable, copy: Copy): void {
  const { current } = of(variable);
  current.clear();
  current.add(copy);
  of(variable).ahead = copy;
}
