import { setTimeout as sleep } from 'node:timers/promises';
import { jobsOfKey, jobsPath } from './adopt.ts';
import { hasStatus, type KubeApi } from './api.ts';
import { keySelector } from './names.ts';
import type { Pod } from './objects.ts';

type Place = { readonly api: KubeApi; readonly namespace: string };

const POLL_MILLISECONDS = 500;

/**
 * Asks for the end of a Job and its pods: each gets SIGTERM and the grace to write a checkpoint. The Job
 * is there until its last pod has ended.
 */
export async function removeJob({ api, namespace }: Place, name: string): Promise<void> {
  try {
    await api.request({
      ...{ method: 'DELETE', path: `${jobsPath(namespace)}/${name}` },
      body: { propagationPolicy: 'Foreground' },
    });
  } catch (error) {
    if (!hasStatus(error, 404)) throw error;
  }
}

/** Ends every Job that computes a key, of whatever launch or run; resolves when no pod of it is left. */
export async function removeKey(place: Place, key: string, signal: AbortSignal): Promise<void> {
  const { api, namespace } = place;
  for (;;) {
    const jobs = await jobsOfKey(api, namespace, key);
    const pods = await podsOfKey(place, key);
    if (jobs.length === 0 && pods.length === 0) return;
    for (const { metadata } of jobs) {
      if (metadata.deletionTimestamp === undefined) await removeJob(place, metadata.name);
    }
    await sleep(POLL_MILLISECONDS, undefined, { signal });
  }
}

async function podsOfKey({ api, namespace }: Place, key: string): Promise<readonly Pod[]> {
  const { items } = await api.request<{ readonly items: readonly Pod[] }>({
    ...{ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods` },
    query: { labelSelector: keySelector(key) },
  });
  return items;
}

/** Removes a pod whose node will never confirm its end. */
export async function forcePodAway({ api, namespace }: Place, name: string): Promise<void> {
  try {
    await api.request({
      ...{ method: 'DELETE', path: `/api/v1/namespaces/${namespace}/pods/${name}` },
      body: { gracePeriodSeconds: 0 },
    });
  } catch (error) {
    if (!hasStatus(error, 404)) throw error;
  }
}
