import type { Pace } from './executor.ts';

/** Queue of the direct alternative, on the same worker. */
export const DIRECT_QUEUE = 'direct';

/** What the bench tells its worker. */
export type Request = { readonly pace: Pace } | { readonly take: 'measures' };

/** What the worker says: that it serves, and what it has measured since it was asked last. */
export type Answer =
  { readonly ready: true } | { readonly rssBytes: number; readonly idleShare: number };
