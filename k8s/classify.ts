/**
 * What the status of a Job and its pods means for the leg that it runs. Pure. The result in the store is
 * the truth; this says when to look for it, and why there is none.
 */
import { OUTCOME_BY_EXIT, type Outcome } from '../leg/outcome.ts';
import { holding, type ContainerState, type Job, type Pod } from './objects.ts';

/** Where a Job stands. */
export type JobState =
  /** No pod runs: suspended by Kueue, waiting for a node, or for its image. */
  | { readonly phase: 'waiting'; readonly cause: WaitCause; readonly detail: string }
  | { readonly phase: 'running'; readonly pod: Pod }
  /** A pod is being deleted, or has failed and is being replaced. */
  | { readonly phase: 'ending'; readonly pod: Pod }
  | { readonly phase: 'ended'; readonly end: PodEnd };

export type WaitCause = 'queued' | 'unschedulable' | 'image' | 'starting';

/** How the last pod of a Job ended. */
export type PodEnd = {
  readonly outcome: Outcome;
  /** A kill that nobody owned up to: 137 without `OOMKilled`. Treated as memory once, then as a disruption. */
  readonly suspected?: true;
  readonly detail: string;
  readonly node?: string;
};

const SIGKILL_EXIT = 137;
/** SIGINT and SIGTERM that ended a process before its handlers were there. */
const TERMINATED_EXITS = [130, 143];

/** Waiting reasons of a container that time does not mend. */
const IMAGE_REASONS = ['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull'];
const CONFIGURATION_REASONS = [
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
];

/** Reasons of `DisruptionTarget` that mean that the node itself was lost. */
const LOST_REASONS = ['DeletionByTaintManager', 'DeletionByPodGC'];

/** The state of a Job from its own status and those of its pods, in any order. */
export function stateOf(job: Job, pods: readonly Pod[]): JobState {
  const newest = [...pods].sort(byCreation).at(-1);
  if (holding(job.status?.conditions, 'Complete') !== undefined) {
    return {
      phase: 'ended',
      end: { outcome: 'done', detail: 'the Job is complete', ...nodeOf(newest) },
    };
  }
  const failed = holding(job.status?.conditions, 'Failed');
  if (failed !== undefined) {
    const dead = [...pods].sort(byCreation).findLast(hasEnded) ?? newest;
    if (dead !== undefined) return { phase: 'ended', end: endOf(dead) };
    const detail = `${failed.reason ?? 'Failed'}: ${failed.message ?? 'no pod is left to tell why'}`;
    return { phase: 'ended', end: { outcome: 'disrupted', detail } };
  }
  if (newest?.metadata.deletionTimestamp !== undefined) return { phase: 'ending', pod: newest };
  if (job.spec?.suspend === true) {
    return { phase: 'waiting', cause: 'queued', detail: 'suspended: waits for its quota' };
  }
  return newest === undefined ? STARTING : podState(newest);
}

const STARTING: JobState = { phase: 'waiting', cause: 'starting', detail: 'no pod yet' };

function podState(pod: Pod): JobState {
  if (hasEnded(pod)) return { phase: 'ending', pod };
  if (pod.status?.phase === 'Running') return { phase: 'running', pod };
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False') {
    const detail = scheduled.message ?? 'no node fits';
    return { phase: 'waiting', cause: 'unschedulable', detail };
  }
  const waiting = containerOf(pod)?.waiting;
  const detail = [waiting?.reason, waiting?.message]
    .filter((text) => text !== undefined)
    .join(': ');
  const cause = IMAGE_REASONS.includes(waiting?.reason ?? '') ? 'image' : 'starting';
  return {
    phase: 'waiting',
    cause,
    detail: detail === '' ? 'the container is being made' : detail,
  };
}

/** How a pod ended; of a pod that vanished without a word, a disruption. */
export function endOf(pod: Pod): PodEnd {
  const where = nodeOf(pod);
  const disruption = holding(pod.status?.conditions, 'DisruptionTarget');
  if (disruption !== undefined) {
    const { reason = 'DisruptionTarget', message = '' } = disruption;
    const outcome = LOST_REASONS.includes(reason) ? 'nodeLost' : 'disrupted';
    return { outcome, detail: said(reason, message), ...where };
  }
  const state = containerOf(pod);
  if (state?.terminated !== undefined)
    return { ...endOfContainer(pod, state.terminated), ...where };
  const refused = state?.waiting?.reason;
  if (refused !== undefined && CONFIGURATION_REASONS.includes(refused)) {
    const detail = said(refused, state?.waiting?.message);
    return { outcome: 'configuration', detail, ...where };
  }
  if (refused !== undefined && IMAGE_REASONS.includes(refused)) {
    return { outcome: 'imagePull', detail: said(refused, state?.waiting?.message), ...where };
  }
  const { reason = 'gone', message = 'the pod left no exit code' } = pod.status ?? {};
  return {
    outcome: reason === 'NodeLost' ? 'nodeLost' : 'disrupted',
    detail: said(reason, message),
    ...where,
  };
}

type Terminated = NonNullable<ContainerState['terminated']>;

function endOfContainer(pod: Pod, { exitCode, reason = '', message = '' }: Terminated): PodEnd {
  const detail = said(`exit ${exitCode}${reason === '' ? '' : ` (${reason})`}`, lastLine(message));
  if (reason === 'OOMKilled') return { outcome: 'hostMemory', detail };
  // A kill may come from anyone here: what it means is decided below.
  const known = exitCode === SIGKILL_EXIT ? undefined : OUTCOME_BY_EXIT[exitCode];
  if (known !== undefined) return { outcome: known, detail };
  const deleted = pod.metadata.deletionTimestamp !== undefined;
  if (deleted || TERMINATED_EXITS.includes(exitCode)) return { outcome: 'disrupted', detail };
  // Not every runtime writes OOMKilled: CRI-O on cgroup v2 does not.
  if (exitCode === SIGKILL_EXIT) return { outcome: 'hostMemory', suspected: true, detail };
  return { outcome: 'bug', detail };
}

/** The one container of a leg's pod. */
function containerOf(pod: Pod): ContainerState | undefined {
  return pod.status?.containerStatuses?.[0]?.state;
}

function hasEnded({ status }: Pod): boolean {
  return status?.phase === 'Failed' || status?.phase === 'Succeeded';
}

function byCreation(a: Pod, b: Pod): number {
  const [first, second] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  return first.localeCompare(second) || a.metadata.name.localeCompare(b.metadata.name);
}

function nodeOf(pod: Pod | undefined): { readonly node?: string } {
  return pod?.spec?.nodeName === undefined ? {} : { node: pod.spec.nodeName };
}

const MAX_DETAIL = 300;

function said(what: string, message: string | undefined): string {
  return (message === undefined || message === '' ? what : `${what}: ${message}`).slice(
    0,
    MAX_DETAIL,
  );
}

/** A termination message that is the log's tail: its last line says why. */
function lastLine(message: string): string {
  return message.trimEnd().split('\n').at(-1) ?? '';
}
