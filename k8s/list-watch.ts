import { setTimeout as sleep } from 'node:timers/promises';
import { hasStatus, KubeError, type KubeApi } from './api.ts';
import type { Metadata } from './objects.ts';

type KubeObject = { readonly metadata: Metadata };

export type ListWatchOptions<Kind extends KubeObject> = {
  readonly api: KubeApi;
  /** The collection, e.g. `/apis/batch/v1/namespaces/kdx/jobs`. */
  readonly path: string;
  readonly labelSelector: string;
  /** An object appeared or changed; `undefined`: it is gone. */
  readonly changed: (name: string, object: Kind | undefined) => void;
  /** One line for the log: what went wrong, and that it goes on. */
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal;
  readonly limits?: Partial<Limits>;
};

type Limits = {
  /** The server ends a watch after so long, in order; the next one goes on where it ended. */
  readonly watchSeconds: number;
  /** A watch that has not ended so long after that is half-open: its connection is dropped. */
  readonly overdueSeconds: number;
  /** Everything is listed anew after so long, in case an event was lost. */
  readonly relistSeconds: number;
  readonly firstBackoffSeconds: number;
  readonly maxBackoffSeconds: number;
};

/**
 * With these a broken view is noticed within 55 s, whatever the connection does: no silence lasts longer,
 * so that none has to be told apart from a quiet namespace.
 */
const LIMITS: Limits = {
  watchSeconds: 45,
  overdueSeconds: 10,
  relistSeconds: 300,
  firstBackoffSeconds: 0.5,
  maxBackoffSeconds: 30,
};

/** What one loop knows: the newest version of every object by name. */
type View<Kind> = {
  readonly versions: Map<string, string>;
  readonly options: ListWatchOptions<Kind & KubeObject>;
  readonly limits: Limits;
};

/**
 * Follows a collection until `signal` aborts: a list, then watches, each from where the last one ended.
 * Any failure is survived: 410 lists anew at once; a server that is away, refuses or breaks off is asked
 * again with growing waits. Never rejects.
 *
 * The client's own informer is not used: it stops for ever on any error but 410, and asks for no bookmarks.
 */
export async function listWatch<Kind extends KubeObject>(
  options: ListWatchOptions<Kind>,
): Promise<void> {
  const { signal, warn } = options;
  const limits = { ...LIMITS, ...options.limits };
  const view: View<Kind> = { versions: new Map(), options, limits };
  let failures = 0;
  while (!signal.aborted) {
    try {
      await followFrom(view, await list(view), () => (failures = 0));
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      // The version is too old: only a list helps, and there is nothing to wait for.
      if (hasStatus(error, 410) && failures === 1) continue;
      const seconds = backoffSeconds(failures, limits);
      const reason = error instanceof Error ? error.message : String(error);
      warn(`${options.path} cannot be followed, again in ${seconds.toFixed(1)} s: ${reason}`);
      await sleep(seconds * 1000, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Half of it at random, so that many workers do not come back at once. */
function backoffSeconds(failures: number, limits: Limits): number {
  const ceiling = Math.min(limits.maxBackoffSeconds, limits.firstBackoffSeconds * 2 ** failures);
  return ceiling * (0.5 + Math.random() / 2);
}

type List<Kind> = {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly Kind[];
};

/** Lists the collection and reports every difference to what was known. Returns the list's version. */
async function list<Kind extends KubeObject>(view: View<Kind>): Promise<string> {
  const { api, path, labelSelector, signal } = view.options;
  const answer = await api.request<List<Kind>>({
    method: 'GET',
    ...{ path, query: { labelSelector }, signal },
  });
  const names = new Set(answer.items.map(({ metadata }) => metadata.name));
  for (const name of [...view.versions.keys()]) if (!names.has(name)) forget(view, name);
  for (const object of answer.items) note(view, object);
  return answer.metadata.resourceVersion;
}

/** Watches from a version on, watch after watch, until it is time to list anew. */
async function followFrom<Kind extends KubeObject>(
  view: View<Kind>,
  start: string,
  succeeded: () => void,
): Promise<void> {
  const relistAt = performance.now() + view.limits.relistSeconds * 1000;
  let version = start;
  let failures = 0;
  while (performance.now() < relistAt && !view.options.signal.aborted) {
    try {
      version = await watchOnce(view, version);
      failures = 0;
      succeeded();
    } catch (error) {
      // A watch that breaks off is resumed once from where it was; then the list shows what is true.
      failures += 1;
      if (failures > 1 || hasStatus(error, 410) || view.options.signal.aborted) throw error;
    }
  }
}

type WatchEvent<Kind> = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: Kind;
};

/** One watch until the server ends it. Returns the version that it came to. @throws KubeError */
async function watchOnce<Kind extends KubeObject>(view: View<Kind>, from: string): Promise<string> {
  const { api, path, labelSelector, signal } = view.options;
  const { watchSeconds, overdueSeconds } = view.limits;
  const overdue = new AbortController();
  const timer = setTimeout(() => overdue.abort(), (watchSeconds + overdueSeconds) * 1000);
  const query = {
    ...{ watch: true, allowWatchBookmarks: true, labelSelector },
    ...{ resourceVersion: from, timeoutSeconds: watchSeconds },
  };
  let version = from;
  try {
    const both = AbortSignal.any([signal, overdue.signal]);
    for await (const line of api.lines({ method: 'GET', path, query, signal: both })) {
      const { type, object } = parseEvent<Kind>(line);
      if (type === 'ERROR') throw errorOf(object);
      version = object.metadata.resourceVersion ?? version;
      if (type === 'DELETED') forget(view, object.metadata.name);
      else if (type !== 'BOOKMARK') note(view, object);
    }
    return version;
  } catch (error) {
    if (!overdue.signal.aborted || signal.aborted) throw error;
    throw new KubeError(0, 'HalfOpen', `the watch of ${path} did not end in time: half-open`);
  } finally {
    clearTimeout(timer);
  }
}

function parseEvent<Kind>(line: string): WatchEvent<Kind> {
  try {
    return JSON.parse(line) as WatchEvent<Kind>;
  } catch (cause) {
    // The connection broke off in the middle of an event.
    throw new KubeError(0, 'BrokenEvent', 'a watch broke off within an event', { cause });
  }
}

/** An error within a watch is a `Status` in place of an object. */
function errorOf(object: unknown): KubeError {
  const { code, reason, message } = object as Record<string, unknown>;
  const text = typeof message === 'string' ? message : 'the server ended the watch with an error';
  return new KubeError(Number(code ?? 0), typeof reason === 'string' ? reason : 'Unknown', text);
}

function note<Kind extends KubeObject>({ versions, options }: View<Kind>, object: Kind): void {
  const { name, resourceVersion = '' } = object.metadata;
  if (versions.get(name) === resourceVersion) return;
  versions.set(name, resourceVersion);
  options.changed(name, object);
}

function forget<Kind extends KubeObject>({ versions, options }: View<Kind>, name: string): void {
  if (versions.delete(name)) options.changed(name, undefined);
}
