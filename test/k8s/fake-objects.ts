import { randomUUID } from 'node:crypto';

export type Stored = {
  metadata: {
    name: string;
    resourceVersion?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    [field: string]: unknown;
  };
  [field: string]: unknown;
};
export type WatchEvent = { type: string; object: unknown };
type Listener = { path: string; selector: string; send: (event: WatchEvent) => void };

export type FakeObjects = {
  version(): number;
  list(path: string, selector: string): readonly Stored[];
  get(path: string, name: string): Stored | undefined;
  /** Writes an object, as a controller or kubelet would; fields replace those that are there. */
  put(path: string, name: string, fields?: Partial<Stored>): void;
  /** An object is gone. A Job that is being deleted goes with its last pod. */
  remove(path: string, name: string): void;
  watch(path: string, selector: string, from: number, send: Listener['send']): () => void;
  /** What a client asks for: the object after it, or the status of a refusal. */
  act(method: string, path: string, body: Stored): Stored | number;
};

const JOB_NAME = 'batch.kubernetes.io/job-name';

/** The store behind the fake API server: objects by collection, and what happened to them. */
export function fakeObjects(): FakeObjects {
  const objects = new Map<string, Stored>();
  const history: { version: number; path: string; event: WatchEvent; object: Stored }[] = [];
  const listeners = new Set<Listener>();
  let version = 1;

  const emit = (path: string, type: string, object: Stored): void => {
    const event = { type, object };
    history.push({ version, path, event, object });
    for (const listener of listeners) {
      if (listener.path === path && matches(object, listener.selector)) listener.send(event);
    }
  };
  const put: FakeObjects['put'] = (path, name, fields = {}) => {
    const before = objects.get(`${path}/${name}`);
    version += 1;
    const object: Stored = {
      ...before,
      ...fields,
      metadata: {
        ...{ uid: randomUUID(), creationTimestamp: new Date().toISOString() },
        ...before?.metadata,
        ...fields.metadata,
        ...{ name, resourceVersion: String(version) },
      },
    };
    objects.set(`${path}/${name}`, object);
    emit(path, before === undefined ? 'ADDED' : 'MODIFIED', object);
  };
  const remove: FakeObjects['remove'] = (path, name) => {
    const object = objects.get(`${path}/${name}`);
    if (object === undefined) return;
    objects.delete(`${path}/${name}`);
    version += 1;
    emit(path, 'DELETED', object);
    const job = object.metadata.labels?.[JOB_NAME];
    if (job !== undefined) dropDeletedJob(job);
  };
  const podsOf = (job: string): readonly [string, Stored][] =>
    [...objects].filter(([, { metadata }]) => metadata.labels?.[JOB_NAME] === job);
  const dropDeletedJob = (job: string): void => {
    const found = [...objects].find(([path]) => path.endsWith(`/jobs/${job}`));
    if (found?.[1].metadata.deletionTimestamp === undefined || podsOf(job).length > 0) return;
    remove(collectionOf(found[0]), job);
  };
  const list: FakeObjects['list'] = (path, selector) =>
    [...objects]
      .filter(([key, object]) => collectionOf(key) === path && matches(object, selector))
      .map(([, object]) => object);

  /** In the foreground: pods are told to end first. */
  const deleteJob = (path: string, name: string): Stored => {
    const deletionTimestamp = new Date().toISOString();
    put(path, name, { metadata: { name, deletionTimestamp } });
    for (const [key, pod] of podsOf(name)) {
      put(collectionOf(key), pod.metadata.name, {
        metadata: { name: pod.metadata.name, deletionTimestamp },
      });
    }
    dropDeletedJob(name);
    return { metadata: { name } };
  };

  const act: FakeObjects['act'] = (method, path, body) => {
    if (method === 'POST') {
      const key = `${path}/${body.metadata.name}`;
      if (objects.has(key)) return 409;
      put(path, body.metadata.name, body);
      return objects.get(key) as Stored;
    }
    const object = objects.get(path);
    if (object === undefined) return 404;
    const [collection, name] = [collectionOf(path), object.metadata.name];
    if (method === 'DELETE') {
      if (collection.endsWith('/jobs')) return deleteJob(collection, name);
      remove(collection, name);
      return object;
    }
    if (method === 'PATCH') {
      const labels = { ...object.metadata.labels, ...body.metadata.labels };
      put(collection, name, { metadata: { name, labels } });
    }
    return objects.get(path) as Stored;
  };

  return {
    ...{ put, remove, list, act },
    version: () => version,
    get: (path, name) => objects.get(`${path}/${name}`),
    watch: (path, selector, from, send) => {
      for (const past of history) {
        const wanted = past.path === path && past.version > from;
        if (wanted && matches(past.object, selector)) send(past.event);
      }
      const listener = { path, selector, send };
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function collectionOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/'));
}

/** Equality terms alone: `a=b,c=d`. An object without labels is matched by none but the empty one. */
function matches({ metadata }: Stored, selector: string): boolean {
  const terms = selector.split(',').filter((term) => term !== '');
  return terms.every((term) => {
    const [name = '', value = ''] = term.split('=');
    return metadata.labels?.[name] === value;
  });
}
