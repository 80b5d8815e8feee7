import pRetry from 'p-retry';
import { KdxError } from '../leg/errors.ts';
import type { AgedLease, Executor, LegEnd, LegWatch } from '../leg/ports.ts';
import type { Position } from '../leg/result.ts';
import type { Leg } from '../leg/spec.ts';
import { digestJson } from '../study/canonical.ts';
import { createOrAdopt } from './adopt.ts';
import { isTransient, type KubeApi } from './api.ts';
import type { Board } from './board.ts';
import { FOLLOW_LIMITS, followJob, legEndOf, type FollowLimits } from './follow.ts';
import { openLedger } from './ledger.ts';
import { CONTAINER, jobManifest } from './manifest.ts';
import { readLogTail } from './pod-log.ts';
import { removeJob, removeKey } from './remove.ts';
import type { Flavour, JobSettings } from './settings.ts';

export type KubernetesExecutorOptions = {
  readonly api: KubeApi;
  readonly board: Board;
  readonly settings: JobSettings;
  /** The lease of one pod of a leg, by its uid; undefined where there is none. Rejects while the store is away. */
  readonly readLease: (key: string, pod: string) => Promise<AgedLease | undefined>;
  /**
   * Keeps the end of a pod's log where the pod itself has not kept the whole of it; returns the name of the
   * object that holds its log.
   */
  readonly keepLogTail: (
    key: string,
    pod: string,
    readTail: () => Promise<Uint8Array>,
  ) => Promise<string>;
  /** Least time without progress after which a leg is stalled; absent: `STALL_SECONDS`. */
  readonly stallSeconds?: number;
  readonly warn: (message: string) => void;
  readonly limits?: Partial<FollowLimits>;
};

/** An API server that is away is asked again for ever: the legs go on without it. */
const RETRY = { retries: Number.POSITIVE_INFINITY, minTimeout: 500, maxTimeout: 30_000 } as const;

/**
 * Runs legs as Jobs. A worker that dies takes none with it: the next one adopts them by name. A pod
 * reaches the store alone, so nothing here passes through it but the digest of its leg.
 */
export function createKubernetesExecutor(options: KubernetesExecutorOptions): Executor {
  const { api, settings } = options;
  const place = { api, namespace: settings.namespace };
  const end = (key: string): Promise<void> =>
    patiently(options, new AbortController().signal, () =>
      removeKey(place, key, new AbortController().signal),
    );
  return {
    name: 'kubernetes',
    run: async (leg, watch) => {
      try {
        return await runJob(options, leg, watch);
      } catch (error) {
        if (watch.signal.reason !== 'stop') throw error;
        // Waits for the pods: their last checkpoint is then in the store.
        await end(leg.key);
        return { outcome: 'stopped', detail: 'stopped on request', host: 'none', ...NOTHING };
      }
    },
    stop: ({ key }) => end(key),
  };
}

const NOTHING = { processes: [], deviceSeconds: 0 } as const;

async function runJob(
  options: KubernetesExecutorOptions,
  leg: Leg,
  watch: LegWatch,
): Promise<LegEnd> {
  const { api, board, settings } = options;
  const { namespace, graceSeconds } = settings;
  const { signal } = watch;
  const flavour = flavourOf(leg, settings.flavours);
  const wanted = jobManifest({ leg, digest: digestJson(leg), flavour }, settings);
  const job = await patiently(options, signal, () =>
    createOrAdopt({ api, namespace, wanted, signal }),
  );
  const jobName = job.metadata.name;
  board.note(job);
  const ledger = openLedger();
  let reached: Position | undefined;
  const followed = await patiently(options, signal, () =>
    followJob({
      ...{ api, namespace, board, jobName, graceSeconds, ledger },
      watch: {
        signal,
        report: (word) => {
          reached = word.reached ?? reached;
          watch.report(word);
        },
      },
      readLease: (pod) => options.readLease(leg.key, pod),
      ...(options.stallSeconds === undefined ? {} : { stallSeconds: options.stallSeconds }),
      limits: { ...FOLLOW_LIMITS, ...options.limits },
    }),
  );
  const log = await keepLog(options, leg.key, jobName);
  if (followed.remove) {
    await patiently(options, signal, () => removeJob({ api, namespace }, jobName));
  }
  const ended = legEndOf(followed.end, ledger, reached);
  return log === undefined ? ended : { ...ended, log };
}

/** A pod that was killed has kept no log, and one that is gone has none: then there is none. */
async function keepLog(
  { api, board, settings: { namespace }, keepLogTail }: KubernetesExecutorOptions,
  key: string,
  jobName: string,
): Promise<string | undefined> {
  const pod = board.standing(jobName).pods.at(-1)?.metadata;
  if (pod?.uid === undefined) return undefined;
  const where = { namespace, pod: pod.name, container: CONTAINER };
  return await keepLogTail(key, pod.uid, () => readLogTail(api, where)).catch(() => undefined);
}

/** Repeats what failed only because the API server, or a webhook of it, is away. */
function patiently<Value>(
  { warn }: KubernetesExecutorOptions,
  signal: AbortSignal,
  work: () => Promise<Value>,
): Promise<Value> {
  return pRetry(work, {
    ...{ ...RETRY, randomize: true, signal },
    shouldRetry: ({ error }) => isTransient(error),
    onFailedAttempt: ({ error, retryDelay }) => {
      if (isTransient(error)) warn(`again in ${Math.ceil(retryDelay / 1000)} s: ${error.message}`);
    },
  });
}

/**
 * The first flavour of the leg's device, from the one that it names on, with the memory that it asks for.
 * @throws KdxError Configuration where the operator has none
 */
export function flavourOf({ spec, resources }: Leg, flavours: readonly Flavour[]): Flavour {
  const { kind } = spec.device;
  const ofDevice = flavours.filter(({ device }) => device === kind);
  const least = ofDevice.findIndex(({ name }) => name === resources.flavour);
  const flavour = ofDevice
    .slice(Math.max(0, least))
    .find(({ memoryCapMiB }) => memoryCapMiB >= resources.memoryMiB);
  if (flavour !== undefined) return flavour;
  const there = flavours.map(({ name, device, memoryCapMiB }) => {
    return `${name} (${device}, ${memoryCapMiB} MiB)`;
  });
  throw new KdxError(
    'Configuration',
    `no flavour for a leg on ${kind} with ${resources.memoryMiB} MiB; there are ${there.join(', ')}`,
  );
}
