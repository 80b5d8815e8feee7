import { KubeConfig } from '@kubernetes/client-node';
import { z } from 'zod';
import type { Variables } from '../../environment/variables.ts';
import { KubeError, openKubeApi, type KubeApi } from '../../k8s/api.ts';
import { forwardService } from '../../k8s/forward.ts';
import type { Metadata } from '../../k8s/objects.ts';
import { errorText, KdxError } from '../../leg/errors.ts';

/** Where a release of the chart is. */
export type ReleaseOptions = {
  readonly namespace: string;
  /** Of the kubeconfig; absent: the current one. */
  readonly context?: string;
  /** Where the namespace has several. */
  readonly release?: string;
};

type ConfigMap = {
  readonly metadata: Metadata;
  readonly data?: Readonly<Record<string, string>>;
};
type Secret = { readonly data?: Readonly<Record<string, string>> };

/** What the chart writes into `connection.json`. */
const connectionSchema = z.object({
  temporal: z.object({ address: z.string(), namespace: z.string() }),
  s3: z.object({ endpoint: z.string(), bucket: z.string(), secret: z.string() }),
});
type Connection = z.output<typeof connectionSchema>;

const COMPONENT = 'app.kubernetes.io/component=cluster,app.kubernetes.io/managed-by=Helm';
const INSTANCE = 'app.kubernetes.io/instance';

/**
 * The variables that name the servers of a release, as `KDX_*` variables would: from its ConfigMap and
 * the secret of its store, which the user of the kubeconfig must be allowed to read. A server inside the
 * cluster is reached through a port of this machine, which is forwarded while the command runs.
 *
 * @throws KdxError Configuration naming what is missing and what there is
 */
export async function releaseVariables(options: ReleaseOptions): Promise<Variables> {
  const config = loadConfig(options.context);
  const api = openKubeApi(config);
  try {
    const { temporal, s3 } = await readConnection(api, options);
    const forwarded = (host: string): Promise<string> => reach(config, api, host);
    const endpoint = new URL(s3.endpoint);
    const port =
      endpoint.port === '' ? (endpoint.protocol === 'https:' ? '443' : '80') : endpoint.port;
    const store = await forwarded(`${endpoint.hostname}:${port}`);
    const { accessKey, secretKey } = await readCredentials(api, options.namespace, s3.secret);
    return {
      KDX_TEMPORAL_ADDRESS: await forwarded(temporal.address),
      KDX_TEMPORAL_NAMESPACE: temporal.namespace,
      KDX_S3_ENDPOINT: `${endpoint.protocol}//${store}`,
      KDX_S3_BUCKET: s3.bucket,
      KDX_S3_ACCESS_KEY: accessKey,
      KDX_S3_SECRET_KEY: secretKey,
    };
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    const message = `the cluster of ${contextOf(config)}: ${errorText(error)}`;
    throw new KdxError('Configuration', message, { cause: error });
  }
}

function contextOf(config: KubeConfig): string {
  return `the context ${config.getCurrentContext()}`;
}

function loadConfig(context: string | undefined): KubeConfig {
  const config = new KubeConfig();
  try {
    config.loadFromDefault();
  } catch (cause) {
    const message = `KUBECONFIG: cannot be read: ${errorText(cause)}`;
    throw new KdxError('Configuration', message, { cause });
  }
  if (context === undefined) return config;
  const names = config.getContexts().map(({ name }) => name);
  if (!names.includes(context)) {
    const message = `--context: found "${context}"; allowed: ${names.join(', ')}`;
    throw new KdxError('Configuration', message);
  }
  config.setCurrentContext(context);
  return config;
}

async function readConnection(
  api: KubeApi,
  { namespace, release }: ReleaseOptions,
): Promise<Connection> {
  const { items } = await api.request<{ readonly items: readonly ConfigMap[] }>({
    ...{ method: 'GET', path: `/api/v1/namespaces/${namespace}/configmaps` },
    query: { labelSelector: COMPONENT },
  });
  const nameOf = ({ metadata }: ConfigMap): string => metadata.labels?.[INSTANCE] ?? '';
  const found = items.filter((item) => release === undefined || nameOf(item) === release);
  const [one, ...others] = found;
  if (one === undefined || others.length > 0) {
    const there = items.length === 0 ? 'none' : items.map(nameOf).join(', ');
    const which = release === undefined ? 'one release; say which with --release' : `"${release}"`;
    const message = `releases in the namespace ${namespace}: found ${there}; wanted ${which}`;
    throw new KdxError('Configuration', message);
  }
  const parsed = connectionSchema.safeParse(JSON.parse(one.data?.['connection.json'] ?? '{}'));
  if (parsed.success) return parsed.data;
  const message = `the ConfigMap ${one.metadata.name} has no connection.json of this version`;
  throw new KdxError('Configuration', message);
}

async function readCredentials(
  api: KubeApi,
  namespace: string,
  name: string,
): Promise<{ readonly accessKey: string; readonly secretKey: string }> {
  const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
  const { data = {} } = await api.request<Secret>({ method: 'GET', path });
  const read = (key: string): string => {
    const value = data[key];
    if (value !== undefined) return Buffer.from(value, 'base64').toString('utf8');
    throw new KdxError('Configuration', `the secret ${name} of ${namespace} has no ${key}`);
  };
  return { accessKey: read('accessKey'), secretKey: read('secretKey') };
}

const IN_CLUSTER = /^([a-z0-9-]+)\.([a-z0-9-]+)\.svc(\.cluster\.local)?:(\d+)$/;

/** A `host:port` that this machine reaches: of a service inside the cluster, a forwarded one. */
async function reach(config: KubeConfig, api: KubeApi, address: string): Promise<string> {
  const [, service, namespace, , port] = IN_CLUSTER.exec(address) ?? [];
  if (service === undefined || namespace === undefined) return address;
  return `127.0.0.1:${await forwardService(config, api, { namespace, service, port: Number(port) })}`;
}
