/**
 * The Job of one launch of a leg, as a pure function. Kubernetes replaces only pods that it disrupted
 * itself; every other decision is the trial's (`leg/decide.ts`).
 */
import { EXIT } from '../leg/outcome.ts';
import type { Leg } from '../leg/spec.ts';
import type { WantedJob } from './adopt.ts';
import { ANNOTATIONS, jobName, labelValue, LABELS, MANAGER } from './names.ts';
import type { Flavour, JobSettings } from './settings.ts';

export type LegJob = {
  readonly leg: Leg;
  /** Digest of the blob that holds the leg: all that the pod is told of it. */
  readonly digest: string;
  /** Where it runs. */
  readonly flavour: Flavour;
};

/** The one container of a leg's pod. */
export const CONTAINER = 'leg';

/** Non-root, and of no other image on the node. */
const USER = 65_532;

/** Disrupted pods are replaced without end; this many may end otherwise (told to stop by nobody). */
const BACKOFF_LIMIT = 3;

const CREDENTIALS_FOLDER = '/var/run/kdx/s3';
const CACHE_FOLDER = '/var/cache/kdx';
/** Of its volume, what the cache of blobs may take. */
const CACHE_SHARE = 0.9;
const MIB = 1024 ** 2;
const TEMPORARY_MIB = 256;
const SHARED_MEMORY_MIB = 256;

/** Builds the Job. The same input gives the same object: a retry of the activity finds its own Job. */
export function jobManifest(job: LegJob, settings: JobSettings): WantedJob {
  const labels = { ...settings.labels, ...ownLabels(job) };
  const annotations = { ...settings.annotations, ...ownAnnotations(job) };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: jobName(job.leg),
      namespace: settings.namespace,
      labels: { ...labels, ...queueLabels(job, settings) },
      annotations,
    },
    spec: {
      ...{ completions: 1, parallelism: 1, backoffLimit: BACKOFF_LIMIT },
      // A pod that is on its way out still trains: its successor waits until it has ended.
      podReplacementPolicy: 'Failed',
      ttlSecondsAfterFinished: settings.keepSeconds,
      podFailurePolicy: failurePolicy(),
      template: {
        metadata: { labels, annotations: { ...annotations, ...topologyOf(job.flavour) } },
        spec: podSpec(job, settings),
      },
    },
  };
}

/**
 * A disruption is no failure. Every exit code but 75 (told to stop, checkpointed) fails the Job at once.
 * What matches neither rule, a pod deleted by hand say, counts against the limit: never without end.
 */
function failurePolicy(): object {
  return {
    rules: [
      { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
      {
        action: 'FailJob',
        onExitCodes: { containerName: CONTAINER, operator: 'NotIn', values: [EXIT.stopped] },
      },
    ],
  };
}

function podSpec(job: LegJob, settings: JobSettings): object {
  const { flavour } = job;
  const { imagePullSecrets, priorities = {} } = settings;
  const priority = priorities[job.leg.spec.kind];
  return {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: settings.graceSeconds,
    // The pod reaches the store and nothing else: it needs no identity in the cluster.
    ...{ automountServiceAccountToken: false, enableServiceLinks: false },
    securityContext: {
      ...{ runAsNonRoot: true, runAsUser: USER, runAsGroup: USER, fsGroup: USER },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [container(job, settings)],
    volumes: volumes(settings),
    ...(imagePullSecrets === undefined
      ? {}
      : { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
    ...(priority === undefined ? {} : { priorityClassName: priority }),
    ...(flavour.nodeSelector === undefined ? {} : { nodeSelector: flavour.nodeSelector }),
    ...(flavour.tolerations === undefined ? {} : { tolerations: flavour.tolerations }),
    ...affinityOf(job),
    ...(flavour.runtimeClassName === undefined
      ? {}
      : { runtimeClassName: flavour.runtimeClassName }),
  };
}

function container(job: LegJob, settings: JobSettings): object {
  const { image, imagePullPolicy, datasetClaim } = settings;
  return {
    ...{ name: CONTAINER, image },
    ...(imagePullPolicy === undefined ? {} : { imagePullPolicy }),
    env: environment(job, settings),
    resources: resources(job),
    // The last log line says why it failed, even if the log is gone.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: {
      ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'credentials', mountPath: CREDENTIALS_FOLDER, readOnly: true },
      { name: 'cache', mountPath: CACHE_FOLDER },
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'shm', mountPath: '/dev/shm' },
      ...(datasetClaim === undefined
        ? []
        : [{ name: 'datasets', mountPath: `${CACHE_FOLDER}/blobs`, readOnly: true }]),
    ],
  };
}

function environment({ digest }: LegJob, settings: JobSettings): readonly object[] {
  const { store, checkpointSeconds, cacheMiB } = settings;
  return [
    { name: 'KDX_LEG', value: digest },
    // The pod's uid: Kubernetes may replace a pod, and may even run two for a while.
    { name: 'KDX_PROCESS', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
    { name: 'KDX_NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
    { name: 'KDX_S3_ENDPOINT', value: store.endpoint },
    { name: 'KDX_S3_BUCKET', value: store.bucket },
    { name: 'KDX_S3_CREDENTIALS_DIR', value: CREDENTIALS_FOLDER },
    { name: 'KDX_CACHE_DIR', value: CACHE_FOLDER },
    // Kubernetes evicts a pod whose volume is full; between two looks the cache can exceed its bound.
    { name: 'KDX_BLOB_CACHE_BYTES', value: String(Math.floor(CACHE_SHARE * cacheMiB) * MIB) },
    { name: 'KDX_CHECKPOINT_SECONDS', value: String(checkpointSeconds) },
    { name: 'HOME', value: '/tmp' },
  ];
}

/** Memory is asked for as it is limited, so that no neighbour's need can end the leg. */
function resources({ leg, flavour }: LegJob): object {
  const memory = `${leg.resources.memoryMiB}Mi`;
  const device = flavour.resource === undefined ? {} : { [flavour.resource]: 1 };
  return {
    requests: { cpu: flavour.cpu, memory, ...device },
    limits: { memory, ...device },
  };
}

function volumes({ store, cacheMiB, datasetClaim }: JobSettings): readonly object[] {
  return [
    { name: 'credentials', secret: { secretName: store.secret, defaultMode: 0o440 } },
    { name: 'cache', emptyDir: { sizeLimit: `${cacheMiB}Mi` } },
    { name: 'tmp', emptyDir: { sizeLimit: `${TEMPORARY_MIB}Mi` } },
    { name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: `${SHARED_MEMORY_MIB}Mi` } },
    ...(datasetClaim === undefined
      ? []
      : [{ name: 'datasets', persistentVolumeClaim: { claimName: datasetClaim, readOnly: true } }]),
  ];
}

function ownLabels({
  leg: { study, trial, spec, key, run },
}: LegJob): Readonly<Record<string, string>> {
  return {
    'app.kubernetes.io/name': MANAGER,
    'app.kubernetes.io/component': CONTAINER,
    [LABELS.managedBy]: MANAGER,
    [LABELS.study]: labelValue(study),
    [LABELS.trial]: labelValue(trial),
    [LABELS.kind]: spec.kind,
    [LABELS.key]: key.slice(0, 16),
    [LABELS.run]: run,
  };
}

function ownAnnotations({ leg, digest, flavour }: LegJob): Readonly<Record<string, string>> {
  return {
    [ANNOTATIONS.leg]: digest,
    [ANNOTATIONS.key]: leg.key,
    [ANNOTATIONS.trial]: leg.trial,
    [ANNOTATIONS.flavour]: flavour.name,
  };
}

function queueLabels({ leg }: LegJob, { queue, queuePriorities = {} }: JobSettings): object {
  if (queue === undefined) return {};
  const priority = queuePriorities[leg.spec.kind];
  return {
    'kueue.x-k8s.io/queue-name': queue,
    ...(priority === undefined ? {} : { 'kueue.x-k8s.io/priority-class': priority }),
  };
}

/** The operator's own rules, and the hosts on which the leg has failed: others are preferred. */
function affinityOf({ leg: { avoidHosts = [] }, flavour }: LegJob): object {
  const { affinity } = flavour;
  if (avoidHosts.length === 0) return affinity === undefined ? {} : { affinity };
  const elsewhere = {
    weight: 100,
    preference: {
      matchExpressions: [
        { key: 'kubernetes.io/hostname', operator: 'NotIn', values: [...avoidHosts] },
      ],
    },
  };
  const { nodeAffinity } = affinity ?? {};
  const preferred = nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return {
    affinity: {
      ...affinity,
      nodeAffinity: {
        ...nodeAffinity,
        preferredDuringSchedulingIgnoredDuringExecution: [...preferred, elsewhere],
      },
    },
  };
}

function topologyOf({ topology }: Flavour): object {
  return topology === undefined ? {} : { 'kueue.x-k8s.io/podset-required-topology': topology };
}
