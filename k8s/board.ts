import type { KubeApi } from './api.ts';
import { listWatch } from './list-watch.ts';
import { SELECTOR } from './names.ts';
import type { Job, Pod } from './objects.ts';

/** What the API server was last known to say of one Job. */
export type Standing = {
  /** Absent where there is no such Job. */
  readonly job: Job | undefined;
  readonly pods: readonly Pod[];
};

/**
 * The Jobs and pods of a namespace, followed by one list-watch each, however many activities wait: it
 * costs the API server two connections a worker, not two a leg.
 */
export type Board = {
  standing(jobName: string): Standing;
  /** Calls back whenever a Job or one of its pods has changed. Returns the function that ends it. */
  subscribe(jobName: string, changed: () => void): () => void;
  /** Puts in what an answer to a request has shown: it is newer than the watch. */
  note(job: Job): void;
  /** The same for a pod. */
  notePod(pod: Pod): void;
  close(): Promise<void>;
};

export type BoardOptions = {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly warn: (message: string) => void;
};

/** Label that the Job controller puts on the pods of a Job. */
export const JOB_NAME = 'batch.kubernetes.io/job-name';

/** Starts to follow the namespace. */
export function openBoard({ api, namespace, warn }: BoardOptions): Board {
  const jobs = new Map<string, Job>();
  const pods = new Map<string, Pod>();
  const podsOf = new Map<string, Set<string>>();
  const subscribers = new Map<string, Set<() => void>>();
  const closing = new AbortController();
  const tell = (jobName: string): void => {
    for (const changed of subscribers.get(jobName) ?? []) changed();
  };
  const jobChanged = (name: string, job: Job | undefined): void => {
    if (job === undefined) jobs.delete(name);
    else jobs.set(name, job);
    tell(name);
  };
  const podChanged = (name: string, pod: Pod | undefined): void => {
    const owner = (pod ?? pods.get(name))?.metadata.labels?.[JOB_NAME];
    if (pod === undefined) pods.delete(name);
    else pods.set(name, pod);
    if (owner === undefined) return;
    const names = podsOf.get(owner) ?? new Set();
    if (pod === undefined) names.delete(name);
    else names.add(name);
    if (names.size === 0) podsOf.delete(owner);
    else podsOf.set(owner, names);
    tell(owner);
  };
  const common = { api, labelSelector: SELECTOR, warn, signal: closing.signal };
  const loops = [
    listWatch<Job>({
      ...{ ...common, changed: jobChanged },
      path: `/apis/batch/v1/namespaces/${namespace}/jobs`,
    }),
    listWatch<Pod>({
      ...{ ...common, changed: podChanged },
      path: `/api/v1/namespaces/${namespace}/pods`,
    }),
  ];
  return {
    standing: (jobName) => ({
      job: jobs.get(jobName),
      pods: [...(podsOf.get(jobName) ?? [])].flatMap((name) => pods.get(name) ?? []),
    }),
    subscribe: (jobName, changed) => {
      const set = subscribers.get(jobName) ?? new Set();
      subscribers.set(jobName, set.add(changed));
      return () => {
        set.delete(changed);
        if (set.size === 0) subscribers.delete(jobName);
      };
    },
    note: (job) => {
      jobs.set(job.metadata.name, job);
      tell(job.metadata.name);
    },
    notePod: (pod) => podChanged(pod.metadata.name, pod),
    close: async () => {
      closing.abort();
      await Promise.all(loops);
    },
  };
}
