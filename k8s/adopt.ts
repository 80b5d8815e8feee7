import { setTimeout as sleep } from 'node:timers/promises';
import { KdxError } from '../leg/errors.ts';
import { hasStatus, type KubeApi } from './api.ts';
import { ANNOTATIONS, keySelector, LABELS } from './names.ts';
import { holding, type Job, type Metadata } from './objects.ts';

/** A Job to create, as far as adopting needs to read it. */
export type WantedJob = {
  readonly apiVersion: 'batch/v1';
  readonly kind: 'Job';
  readonly metadata: Metadata;
  readonly spec: object;
};

export type AdoptOptions = {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly wanted: WantedJob;
  readonly signal: AbortSignal;
};

const DELETION_POLL_MILLISECONDS = 1000;

/** The collection of Jobs of a namespace. */
export function jobsPath(namespace: string): string {
  return `/apis/batch/v1/namespaces/${namespace}/jobs`;
}

/**
 * The Job of a launch: created, or adopted where it is there already, finished or not. A live Job of
 * another run that computes the same key is adopted instead: a key never has two. Safe to repeat after any failure.
 *
 * @throws KubeError; KdxError CodeBug where a Job of that name runs another leg
 */
export async function createOrAdopt(options: AdoptOptions): Promise<Job> {
  const { api, namespace, wanted, signal } = options;
  const path = jobsPath(namespace);
  for (;;) {
    signal.throwIfAborted();
    const live = await findLive(options);
    if (live !== undefined) return await claim(options, live);
    try {
      return await api.request<Job>({ method: 'POST', path, body: wanted, signal });
    } catch (error) {
      if (!hasStatus(error, 409)) throw error;
    }
    const found = await readJob(api, namespace, wanted.metadata.name, signal);
    if (found !== undefined && found.metadata.deletionTimestamp === undefined) {
      return checked(wanted, found);
    }
    // It is on its way out: its name is free once its pods have ended.
    await sleep(DELETION_POLL_MILLISECONDS, undefined, { signal });
  }
}

/** One Job; undefined where there is none. */
export async function readJob(
  api: KubeApi,
  namespace: string,
  name: string,
  signal?: AbortSignal,
): Promise<Job | undefined> {
  try {
    const path = `${jobsPath(namespace)}/${name}`;
    return await api.request<Job>({
      ...{ method: 'GET', path },
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  }
}

/** All Jobs that compute a key, of whatever run. */
export async function jobsOfKey(
  api: KubeApi,
  namespace: string,
  key: string,
): Promise<readonly Job[]> {
  const { items } = await api.request<{ readonly items: readonly Job[] }>({
    ...{ method: 'GET', path: jobsPath(namespace) },
    query: { labelSelector: keySelector(key) },
  });
  return items.filter(({ metadata }) => metadata.annotations?.[ANNOTATIONS.key] === key);
}

/** A Job of the same key that has not ended and is not being deleted. */
async function findLive({ api, namespace, wanted }: AdoptOptions): Promise<Job | undefined> {
  const key = wanted.metadata.annotations?.[ANNOTATIONS.key] ?? '';
  const jobs = await jobsOfKey(api, namespace, key);
  return jobs.find((job) => job.metadata.deletionTimestamp === undefined && !isTerminal(job));
}

export function isTerminal({ status }: Job): boolean {
  const conditions = status?.conditions;
  return (
    holding(conditions, 'Complete') !== undefined || holding(conditions, 'Failed') !== undefined
  );
}

/** Writes our run onto a Job of another run, so that the janitor sees whose it is now. */
async function claim({ api, namespace, wanted }: AdoptOptions, job: Job): Promise<Job> {
  const run = wanted.metadata.labels?.[LABELS.run] ?? '';
  if (job.metadata.name === wanted.metadata.name) return checked(wanted, job);
  if (job.metadata.labels?.[LABELS.run] === run) return job;
  return await api.request<Job>({
    ...{ method: 'PATCH', path: `${jobsPath(namespace)}/${job.metadata.name}` },
    contentType: 'application/merge-patch+json',
    body: { metadata: { labels: { [LABELS.run]: run } } },
  });
}

function checked(wanted: WantedJob, found: Job): Job {
  const [ours, theirs] = [wanted, found].map(
    ({ metadata }) => metadata.annotations?.[ANNOTATIONS.leg],
  );
  if (ours === theirs) return found;
  const { name } = wanted.metadata;
  throw new KdxError('CodeBug', `the Job ${name} runs the leg ${theirs}; wanted ${ours}`);
}
