import type { LiveLeg, LiveLegs } from '../leg/ports.ts';
import { isTerminal, jobsPath } from './adopt.ts';
import { hasStatus, type KubeApi } from './api.ts';
import { ANNOTATIONS, SELECTOR } from './names.ts';
import type { Job } from './objects.ts';
import { removeJob } from './remove.ts';
import type { JobSettings } from './settings.ts';

/** Jobs in one answer of the API server; their names and keys fit into a payload of Temporal. */
const PAGE = 200;

/** Status of a page whose listing the API server has forgotten: after five minutes. */
const EXPIRED = 410;

type Page = {
  readonly items: readonly Job[];
  readonly metadata?: { readonly continue?: string };
};

/**
 * The legs of this deployment that the cluster holds, a page at a time: Jobs that have not ended and are
 * not on their way out. Jobs of another deployment in the namespace have other labels, and are not its business.
 *
 * @param after `next` of the page before; absent: the first one
 * @throws KubeError
 */
export async function listLiveLegs(
  api: KubeApi,
  { namespace, labels = {} }: Pick<JobSettings, 'namespace' | 'labels'>,
  after?: string,
): Promise<LiveLegs> {
  const path = jobsPath(namespace);
  const own = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  const query = {
    ...{ labelSelector: [SELECTOR, ...own].join(','), limit: PAGE },
    ...(after === undefined ? {} : { continue: after }),
  };
  let page: Page;
  try {
    page = await api.request<Page>({ method: 'GET', path, query });
  } catch (error) {
    // The next round of the janitor sees the rest.
    if (after !== undefined && hasStatus(error, EXPIRED)) return { legs: [] };
    throw error;
  }
  const next = page.metadata?.continue ?? '';
  return {
    legs: page.items.flatMap((job) => liveLeg(job) ?? []),
    ...(next === '' ? {} : { next }),
  };
}

function liveLeg(job: Job): LiveLeg | undefined {
  const { name, creationTimestamp, deletionTimestamp, annotations } = job.metadata;
  const key = annotations?.[ANNOTATIONS.key];
  if (key === undefined || creationTimestamp === undefined) return undefined;
  if (deletionTimestamp !== undefined || isTerminal(job)) return undefined;
  return { job: name, key, ageSeconds: (Date.now() - Date.parse(creationTimestamp)) / 1000 };
}

/** Ends Jobs by name; each writes a checkpoint first. Those that are gone are no failure. */
export async function endJobs(
  api: KubeApi,
  namespace: string,
  names: readonly string[],
): Promise<void> {
  for (const name of names) await removeJob({ api, namespace }, name);
}
