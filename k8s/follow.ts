import { setTimeout as sleep } from 'node:timers/promises';
import type { AgedLease, LegEnd, LegWatch } from '../leg/ports.ts';
import type { Position } from '../leg/result.ts';
import { isStalled } from '../leg/stall.ts';
import { readJob } from './adopt.ts';
import { hasStatus, type KubeApi } from './api.ts';
import { JOB_NAME, type Board } from './board.ts';
import { stateOf, type JobState, type PodEnd } from './classify.ts';
import type { Ledger } from './ledger.ts';
import { holding, type Job, type Pod } from './objects.ts';
import { forcePodAway } from './remove.ts';

export type FollowLimits = {
  /** An image that cannot be pulled for so long ends the launch. */
  readonly imageSeconds: number;
  /** So many disrupted pods end the launch: the trial then decides. */
  readonly disruptions: number;
  /** A pod that is to end, on a node that is not ready, is removed by force this long after its grace. */
  readonly stuckSeconds: number;
  readonly progressSeconds: number;
};

export const FOLLOW_LIMITS: FollowLimits = {
  ...{ imageSeconds: 300, disruptions: 20, stuckSeconds: 300, progressSeconds: 15 },
};

export type Followed = {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly board: Board;
  readonly jobName: string;
  readonly graceSeconds: number;
  readonly ledger: Ledger;
  readonly watch: LegWatch;
  /** The lease of a pod, by its uid; undefined until it has one. Rejects while the store is away. */
  readonly readLease: (pod: string) => Promise<AgedLease | undefined>;
  readonly stallSeconds?: number;
  readonly limits: FollowLimits;
};

/** Why a Job is to be removed though Kubernetes would go on with it. */
export type FollowEnd = { readonly end: PodEnd; readonly remove: boolean };

const TICK_MILLISECONDS = 5000;

/** What the loop remembers between two looks. */
type Memory = {
  imageSince?: number;
  lease?: AgedLease;
  /** When it was last read, or could not be. */
  readAt: number;
  /** Since when the store has answered; absent while it is away. */
  storeSince?: number;
};

/**
 * Follows a Job until its launch has ended, whatever Kubernetes replaces meanwhile. An API server that is
 * away is waited for: the Job goes on without it. Rejects with the reason of the watch's signal.
 */
export async function followJob(job: Followed): Promise<FollowEnd> {
  const memory: Memory = { readAt: Number.NEGATIVE_INFINITY };
  const { signal } = job.watch;
  for (;;) {
    signal.throwIfAborted();
    const changed = nextChange(job);
    const end = await look(job, memory);
    if (end !== undefined) return end;
    await changed;
  }
}

/** Resolves with the next change of the Job or its pods, at the latest after a tick, or on abort. */
async function nextChange({ board, jobName, watch }: Followed): Promise<void> {
  const waiting = new AbortController();
  const end = (): void => waiting.abort();
  const unsubscribe = board.subscribe(jobName, end);
  watch.signal.addEventListener('abort', end, { once: true });
  await sleep(TICK_MILLISECONDS, undefined, { signal: waiting.signal }).catch(() => undefined);
  unsubscribe();
  watch.signal.removeEventListener('abort', end);
}

async function look(job: Followed, memory: Memory): Promise<FollowEnd | undefined> {
  const { board, jobName, ledger, limits, watch } = job;
  const standing = board.standing(jobName);
  ledger.see(standing.pods, new Date());
  await refreshLease(job, memory);
  const { progress, committed } = memory.lease?.lease ?? {};
  watch.report({
    processes: ledger.processes(),
    deviceSeconds: ledger.deviceSeconds(),
    ...(progress === undefined ? {} : { progress }),
    ...(committed === undefined ? {} : { reached: committed }),
  });
  if (standing.job === undefined) return await confirmGone(job);
  const state = stateOf(standing.job, standing.pods);
  if (state.phase === 'ended') return { end: await lastWord(job, standing.job), remove: false };
  if (ledger.disruptions() >= limits.disruptions) {
    const detail = `${ledger.disruptions()} pods of this launch were disrupted`;
    return { end: { outcome: 'disrupted', detail }, remove: true };
  }
  if (state.phase === 'ending') await freeStuckPod(job, state.pod);
  return imageEnd(state, memory, limits) ?? stallEnd(job, state, memory);
}

/**
 * The end of a Job that is complete or has failed. Jobs and pods come by a watch each, in any order: only
 * the API server knows by then how its pods ended, and with it why, and how long they held the device.
 */
async function lastWord(followed: Followed, job: Job): Promise<PodEnd> {
  const { api, namespace, board, jobName, ledger } = followed;
  const { items } = await api.request<{ readonly items: readonly Pod[] }>({
    ...{ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods` },
    query: { labelSelector: `${JOB_NAME}=${jobName}` },
  });
  for (const pod of items) board.notePod(pod);
  const { pods } = board.standing(jobName);
  ledger.see(pods, new Date());
  const state = stateOf(job, pods);
  if (state.phase === 'ended') return state.end;
  throw new TypeError(`${jobName} had ended, and has not`);
}

async function refreshLease(job: Followed, memory: Memory): Promise<void> {
  const now = performance.now();
  if (now < memory.readAt + job.limits.progressSeconds * 1000) return;
  memory.readAt = now;
  const pod = job.ledger.processes().at(-1);
  try {
    const lease = pod === undefined ? undefined : await job.readLease(pod.name);
    if (lease !== undefined) memory.lease = lease;
    if (pod !== undefined) memory.storeSince ??= now;
  } catch {
    // A store that is away is no news of the leg.
    delete memory.storeSince;
  }
}

/** The board may not have seen a new Job yet; only the API server knows that there is none. */
async function confirmGone({
  api,
  namespace,
  board,
  jobName,
}: Followed): Promise<FollowEnd | undefined> {
  const job = await readJob(api, namespace, jobName);
  if (job !== undefined) {
    board.note(job);
    return undefined;
  }
  const detail = `the Job ${jobName} was deleted by someone else`;
  return { end: { outcome: 'disrupted', detail }, remove: false };
}

function imageEnd(
  state: JobState,
  memory: Memory,
  { imageSeconds }: FollowLimits,
): FollowEnd | undefined {
  if (state.phase !== 'waiting' || state.cause !== 'image') {
    delete memory.imageSince;
    return undefined;
  }
  const now = performance.now();
  memory.imageSince ??= now;
  if (now < memory.imageSince + imageSeconds * 1000) return undefined;
  return { end: { outcome: 'imagePull', detail: state.detail }, remove: true };
}

function stallEnd(
  { ledger, stallSeconds }: Followed,
  state: JobState,
  memory: Memory,
): FollowEnd | undefined {
  const running = ledger.processes().at(-1);
  if (state.phase !== 'running' || running === undefined) return undefined;
  if (memory.storeSince === undefined) return undefined;
  const storeSeconds = (performance.now() - memory.storeSince) / 1000;
  const watched = { runningSeconds: running.seconds, storeSeconds };
  const least = stallSeconds === undefined ? {} : { minSeconds: stallSeconds };
  // The lease of a pod that was replaced says nothing of the one that runs.
  const isOwn = memory.lease?.lease.process === running.name;
  if (!isStalled(isOwn ? memory.lease : undefined, { ...watched, ...least })) return undefined;
  const detail = `no progress on ${running.host}`;
  return { end: { outcome: 'stalled', detail, node: running.host }, remove: true };
}

/**
 * Kubernetes waits for ever for a pod whose node is gone to confirm its end, and the Job with it
 * (`podReplacementPolicy: Failed`). A pod on a node that is ready is left to its kubelet.
 */
async function freeStuckPod(job: Followed, pod: Pod): Promise<void> {
  const { deletionTimestamp, name } = pod.metadata;
  if (deletionTimestamp === undefined) return;
  // The timestamp holds the grace already: it is when the pod was to be gone.
  const overdueSeconds = (Date.now() - Date.parse(deletionTimestamp)) / 1000;
  if (overdueSeconds < job.limits.stuckSeconds || (await isNodeReady(job, pod))) return;
  await forcePodAway(job, name);
}

type Node = { readonly status?: { readonly conditions?: Parameters<typeof holding>[0] } };

async function isNodeReady({ api }: Followed, pod: Pod): Promise<boolean> {
  const node = pod.spec?.nodeName;
  if (node === undefined) return false;
  try {
    const { status } = await api.request<Node>({ method: 'GET', path: `/api/v1/nodes/${node}` });
    return holding(status?.conditions, 'Ready') !== undefined;
  } catch (error) {
    if (hasStatus(error, 404)) return false;
    // An operator who lets nobody read nodes frees such pods by hand.
    if (hasStatus(error, 403)) return true;
    throw error;
  }
}

/** A launch's end in the words of the executor's port. */
export function legEndOf(end: PodEnd, ledger: Ledger, reached: Position | undefined): LegEnd {
  const processes = ledger.processes();
  return {
    outcome: end.outcome,
    detail: end.suspected === true ? `${end.detail} (memory suspected)` : end.detail,
    host: end.node ?? processes.at(-1)?.host ?? 'none',
    processes,
    deviceSeconds: ledger.deviceSeconds(),
    ...(reached === undefined ? {} : { reached }),
  };
}
