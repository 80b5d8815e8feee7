import { KdxError } from '../leg/errors.ts';

/**
 * A bucket, or what behaves like one: the few operations artifacts are made of. Every failure is a
 * KdxError that names the place, the object and the cause; an object is there whole or not at all.
 */
export type Objects = {
  /** Where the objects are, for messages: `http://127.0.0.1:9000/kdx` or a folder. */
  readonly location: string;
  /** Creates the bucket where it is missing. */
  ensure(): Promise<void>;
  /** One cheap request that proves the place is there and lets us in. */
  ping(): Promise<void>;
  get(name: string): Promise<Uint8Array | undefined>;
  /** An object and how long ago it was written, both times by the store's own clock. */
  getAged(name: string): Promise<Aged | undefined>;
  /** What the index says of an object, or undefined when absent. */
  stat(name: string): Promise<Stat | undefined>;
  put(name: string, bytes: Uint8Array, contentType: string): Promise<void>;
  /** Writes only where nothing is; false when something was there. Of racing writers one wins. */
  putIfAbsent(name: string, bytes: Uint8Array, contentType: string): Promise<boolean>;
  /** Names that start with `prefix`, in code-unit order. */
  list(prefix: string): Promise<readonly string[]>;
  /** The same a page at a time, with sizes and times, in no order that one may count on. */
  scan(prefix: string): AsyncIterable<readonly Listed[]>;
  /** Writes that began and never ended, so that they hold space and no name. */
  unfinished(): Promise<readonly Unfinished[]>;
  /** Removes an object; removing what is absent does nothing. */
  remove(name: string): Promise<void>;
};

export type Aged = { readonly bytes: Uint8Array; readonly ageSeconds: number };

/** Size, and when it was written by the store's own clock, in milliseconds since 1970. */
export type Stat = { readonly bytes: number; readonly modifiedAt: number };

export type Listed = Stat & { readonly name: string };

/** A write that has not ended; a bucket does not tell how much of it is there. */
export type Unfinished = Stat & { readonly name: string; remove(): Promise<void> };

const NAME = /^[A-Za-z0-9_.=+@-]+(\/[A-Za-z0-9_.=+@-]+)*$/;
const MAX_NAME_LENGTH = 512;

/**
 * Refuses a name that some store could not hold or would read as a path upwards.
 * Throws `CodeBug`: names are made by the project, never taken from a user unchecked.
 */
export function checkObjectName(name: string): void {
  const dots = name.split('/').some((part) => part === '.' || part === '..');
  if (dots || name.length > MAX_NAME_LENGTH || !NAME.test(name)) {
    throw new KdxError(
      'CodeBug',
      `object name ${JSON.stringify(name)}: allowed are at most ${MAX_NAME_LENGTH} characters, ` +
        'parts of A-Z a-z 0-9 _ . = + @ - joined by /, none of them . or ..',
    );
  }
}
