import { KubeConfig } from '@kubernetes/client-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { openKubeApi, type KubeApi } from '../../k8s/api.ts';
import type { Metadata, Pod } from '../../k8s/objects.ts';
import type { JobSettings } from '../../k8s/settings.ts';
import type { S3Options } from '../../stores/s3.ts';

/** What `scripts/cluster/test.mjs` says of the cluster; see its README for a cluster of your own. */
export const CLUSTER = {
  /** This machine, as pods reach it. */
  hostAddress: variable('CLUSTER_HOST_ADDRESS'),
  trainerImage: variable('CLUSTER_TRAINER_IMAGE'),
  workerImage: variable('CLUSTER_WORKER_IMAGE'),
};

/** The name of the Secret with the credentials of a store. */
const SECRET = 'store';

function variable(name: string): string {
  const value = process.env[name];
  if (value !== undefined) return value;
  throw new Error(`${name} is not set; run these tests with: npm run test:cluster`);
}

/** The cluster of `KUBECONFIG`. */
export function connect(): KubeApi {
  const config = new KubeConfig();
  config.loadFromFile(variable('KUBECONFIG'));
  return openKubeApi(config);
}

/** The store is on this machine: pods reach it there, as they would reach one outside their cluster. */
export function jobSettings(name: string, s3: S3Options): JobSettings {
  const { endpoint, bucket } = s3;
  return {
    ...{ namespace: name, image: CLUSTER.trainerImage, imagePullPolicy: 'IfNotPresent' },
    // It computes on the CPU, and takes one of the node's GPUs all the same.
    flavours: [
      {
        ...{ name: 'fake', device: 'cpu', resource: 'nvidia.com/gpu' },
        ...{ cpu: '200m', memoryCapMiB: 4096 },
      },
    ],
    store: { endpoint, bucket, secret: SECRET },
    ...{ graceSeconds: 30, keepSeconds: 600, checkpointSeconds: 1, cacheMiB: 256 },
  };
}

export type Namespace = {
  readonly name: string;
  /** Makes a pod of one container and waits for its end. */
  run(name: string, container: Readonly<Record<string, unknown>>): Promise<PodEnd>;
  /** Credentials of a store, as the chart's Secret holds them. */
  putSecret(s3: S3Options): Promise<void>;
  /** All of them, as a person deletes pods: with SIGTERM and their grace. */
  deletePods(): Promise<void>;
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
  return {
    name: metadata.name,
    run: async (name, container) => {
      const body = podOf(name, container);
      await api.request({ method: 'POST', path: `${path}/pods`, body });
      return await endOf(api, `${path}/pods/${name}`);
    },
    putSecret: async ({ accessKey, secretKey }) => {
      const body = { metadata: { name: SECRET }, stringData: { accessKey, secretKey } };
      await api.request({ method: 'POST', path: `${path}/secrets`, body });
    },
    deletePods: () => api.request({ method: 'DELETE', path: `${path}/pods` }),
    remove: () => api.request({ method: 'DELETE', path }),
  };
}

/** As the chart and the Jobs of legs make them: nothing that a pod does not need. */
function podOf(name: string, container: Readonly<Record<string, unknown>>): object {
  return {
    metadata: { name },
    spec: {
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
    },
  };
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
