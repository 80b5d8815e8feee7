import { KubeConfig } from '@kubernetes/client-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasStatus, openKubeApi, type KubeApi } from '../../k8s/api.ts';
import type { Job, Metadata, Pod } from '../../k8s/objects.ts';
import type { JobSettings } from '../../k8s/settings.ts';
import type { S3Options } from '../../stores/s3.ts';

/** What `scripts/cluster/test.mjs` says of the cluster; see its README for a cluster of your own. */
export const CLUSTER = {
  /** This machine, as pods reach it. */
  hostAddress: variable('CLUSTER_HOST_ADDRESS'),
  trainerImage: variable('CLUSTER_TRAINER_IMAGE'),
  workerImage: variable('CLUSTER_WORKER_IMAGE'),
  poolImage: variable('CLUSTER_POOL_IMAGE'),
  /** With `sh` and the plain CLI. */
  temporalImage: variable('CLUSTER_TEMPORAL_IMAGE'),
  /** Of the API server, as pods find it and as it is behind its service. */
  apiAddresses: variable('CLUSTER_API_ADDRESSES').split(','),
  /** Its program ends with 70, whatever it is told. */
  defectImage: variable('CLUSTER_DEFECT_IMAGE'),
  /** Devices of the node. */
  gpus: Number(process.env['CLUSTER_GPUS'] ?? 8),
};

/** The resource that stands for a device. */
export const GPU = 'nvidia.com/gpu';

/** The name of the Secret with the credentials of a store. */
export const SECRET = 'store';

function variable(name: string): string {
  const value = process.env[name];
  if (value !== undefined) return value;
  throw new Error(`${name} is not set; run these tests with: npm run test:cluster`);
}

/** The cluster of `KUBECONFIG`. */
export function config(): KubeConfig {
  const loaded = new KubeConfig();
  loaded.loadFromFile(variable('KUBECONFIG'));
  return loaded;
}

export function connect(): KubeApi {
  return openKubeApi(config());
}

/** The store is on this machine: pods reach it there, as they would reach one outside their cluster. */
export function jobSettings(name: string, s3: S3Options): JobSettings {
  const { endpoint, bucket } = s3;
  return {
    ...{ namespace: name, image: CLUSTER.trainerImage, imagePullPolicy: 'IfNotPresent' },
    // It computes on the CPU, and takes one of the node's GPUs all the same.
    flavours: [
      {
        ...{ name: 'fake', device: 'cpu', resource: GPU },
        ...{ cpu: '200m', memoryCapMiB: 4096 },
      },
    ],
    store: { endpoint, bucket, secret: SECRET },
    ...{ graceSeconds: 30, keepSeconds: 600, checkpointSeconds: 1, cacheMiB: 256 },
  };
}

type Fields = Readonly<Record<string, unknown>>;

export type Namespace = {
  readonly name: string;
  /** Makes a pod of one container. */
  start(name: string, container: Fields, labels: Fields): Promise<void>;
  /** Makes a pod of one container, with what its spec has beside that, and waits for its end. */
  run(name: string, container: Fields, pod?: Fields, labels?: Fields): Promise<PodEnd>;
  /** A Job of one such pod. */
  createJob(name: string, labels: Fields, container: Fields): Promise<void>;
  jobs(): Promise<readonly Job[]>;
  pods(): Promise<readonly Pod[]>;
  /** Credentials of a store, as the chart's Secret holds them. */
  putSecret(s3: S3Options): Promise<void>;
  /** All of them, or those of a selector, as a person deletes pods: with SIGTERM and their grace. */
  deletePods(selector?: string): Promise<void>;
  /** All of them, as a drain of their node does. */
  evictPods(): Promise<void>;
  /** What a release could have left, as `Kind/name`; what every namespace has is not listed. */
  leftovers(): Promise<readonly string[]>;
  remove(): Promise<void>;
};

export type PodEnd = { readonly exitCode: number; readonly message: string };

/** A namespace of its own, in which the restricted rules of pod security are enforced. */
export async function openNamespace(api: KubeApi, prefix: string): Promise<Namespace> {
  const { metadata } = await api.request<{ readonly metadata: Metadata }>({
    ...{ method: 'POST', path: '/api/v1/namespaces' },
    body: {
      metadata: {
        generateName: `kdx-${prefix}-`,
        labels: { 'pod-security.kubernetes.io/enforce': 'restricted' },
      },
    },
  });
  const path = `/api/v1/namespaces/${metadata.name}`;
  const jobsPath = `/apis/batch/v1/namespaces/${metadata.name}/jobs`;
  const list = async <Item>(collection: string): Promise<readonly Item[]> =>
    (await api.request<{ readonly items: readonly Item[] }>({ method: 'GET', path: collection }))
      .items;
  const pods = (): Promise<readonly Pod[]> => list(`${path}/pods`);
  return {
    name: metadata.name,
    pods,
    jobs: () => list(jobsPath),
    createJob: async (name, labels, container) => {
      const template = { spec: podSpec(container) };
      const body = { metadata: { name, labels }, spec: { template } };
      await api.request({ method: 'POST', path: jobsPath, body });
    },
    start: async (name, container, labels) => {
      const body = { metadata: { name, labels }, spec: podSpec(container) };
      await api.request({ method: 'POST', path: `${path}/pods`, body });
    },
    run: async (name, container, pod = {}, labels = {}) => {
      const body = { metadata: { name, labels }, spec: { ...podSpec(container), ...pod } };
      await api.request({ method: 'POST', path: `${path}/pods`, body });
      return await endOf(api, `${path}/pods/${name}`);
    },
    putSecret: async ({ accessKey, secretKey }) => {
      const body = { metadata: { name: SECRET }, stringData: { accessKey, secretKey } };
      await api.request({ method: 'POST', path: `${path}/secrets`, body });
    },
    deletePods: (labelSelector) =>
      api.request({ method: 'DELETE', path: `${path}/pods`, query: { labelSelector } }),
    evictPods: async () => {
      for (const { metadata: pod } of await pods()) {
        const body = { ...EVICTION, metadata: { name: pod.name, namespace: metadata.name } };
        await api.request({ method: 'POST', path: `${path}/pods/${pod.name}/eviction`, body });
      }
    },
    leftovers: async () => {
      const found = await Promise.all(
        Object.entries(KINDS).map(async ([kind, where]) => {
          const collection = `${where.root}/namespaces/${metadata.name}/${where.plural}`;
          return (await list<Pod>(collection)).map(({ metadata: { name } }) => `${kind}/${name}`);
        }),
      );
      return found.flat().filter((object) => !OF_EVERY_NAMESPACE.includes(object));
    },
    remove: () => api.request({ method: 'DELETE', path }),
  };
}

/** As the chart and the Jobs of legs make them: nothing that a pod does not need. */
function podSpec(container: Fields): object {
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    securityContext: {
      ...{ runAsNonRoot: true, runAsUser: 65_532, runAsGroup: 65_532, fsGroup: 65_532 },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        ...{ name: 'main', imagePullPolicy: 'IfNotPresent' },
        terminationMessagePolicy: 'FallbackToLogsOnError',
        securityContext: {
          ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
        ...container,
      },
    ],
    volumes: [{ name: 'tmp', emptyDir: {} }],
  };
}

const KINDS = {
  ConfigMap: { root: '/api/v1', plural: 'configmaps' },
  Secret: { root: '/api/v1', plural: 'secrets' },
  Service: { root: '/api/v1', plural: 'services' },
  ServiceAccount: { root: '/api/v1', plural: 'serviceaccounts' },
  PersistentVolumeClaim: { root: '/api/v1', plural: 'persistentvolumeclaims' },
  Deployment: { root: '/apis/apps/v1', plural: 'deployments' },
  StatefulSet: { root: '/apis/apps/v1', plural: 'statefulsets' },
  Job: { root: '/apis/batch/v1', plural: 'jobs' },
  NetworkPolicy: { root: '/apis/networking.k8s.io/v1', plural: 'networkpolicies' },
  PodDisruptionBudget: { root: '/apis/policy/v1', plural: 'poddisruptionbudgets' },
  Role: { root: '/apis/rbac.authorization.k8s.io/v1', plural: 'roles' },
  RoleBinding: { root: '/apis/rbac.authorization.k8s.io/v1', plural: 'rolebindings' },
} as const;
const OF_EVERY_NAMESPACE = ['ConfigMap/kube-root-ca.crt', 'ServiceAccount/default'];

const EVICTION = { apiVersion: 'policy/v1', kind: 'Eviction' };

/** Makes an object; one of that name that is there already is left as it is. */
export async function provide(api: KubeApi, path: string, body: object): Promise<void> {
  try {
    await api.request({ method: 'POST', path, body });
  } catch (error) {
    if (!hasStatus(error, 409)) throw error;
  }
}

/** Removes an object; one that is gone is no failure. */
export async function withdraw(api: KubeApi, path: string, name: string): Promise<void> {
  try {
    await api.request({ method: 'DELETE', path: `${path}/${name}` });
  } catch (error) {
    if (!hasStatus(error, 404)) throw error;
  }
}

const END_SECONDS = 120;

async function endOf(api: KubeApi, path: string): Promise<PodEnd> {
  const deadline = performance.now() + END_SECONDS * 1000;
  for (;;) {
    const { status } = await api.request<Pod>({ method: 'GET', path });
    const ended = status?.containerStatuses?.[0]?.state?.terminated;
    if (ended !== undefined) return { exitCode: ended.exitCode, message: ended.message ?? '' };
    if (performance.now() > deadline) {
      throw new Error(`${path} has not ended in ${END_SECONDS} s: ${JSON.stringify(status)}`);
    }
    await sleep(200);
  }
}
