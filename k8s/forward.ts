import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { PortForward, type KubeConfig } from '@kubernetes/client-node';
import { KdxError, errorText } from '../leg/errors.ts';
import type { KubeApi } from './api.ts';

/** A port of a service of the cluster. */
export type ServicePort = {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
};

type Service = {
  readonly spec?: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly { readonly port: number; readonly targetPort?: number | string }[];
  };
};

/**
 * Listens on a free port of 127.0.0.1 and carries each connection to a ready pod of the service through
 * the API server, as `kubectl port-forward` does; a pod that is replaced breaks connections, and the next
 * ones reach its successor. Does not keep the process alive.
 *
 * @returns the local port
 * @throws KubeError; KdxError Configuration where the service has no such port
 */
export async function forwardService(
  config: KubeConfig,
  api: KubeApi,
  to: ServicePort,
): Promise<number> {
  const { namespace, service } = to;
  const target = await targetPort(api, to);
  const forward = new PortForward(config);
  const server = createServer((socket) => {
    socket.unref();
    carry(forward, { namespace, service, port: target }, socket).catch((error: unknown) => {
      const broken = error instanceof Error ? error : new Error(errorText(error));
      socket.destroy(broken);
    });
    // A client that goes away while it waits is no failure of ours.
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('no port was given');
  return address.port;
}

/** A WebSocket, as far as we need it: its package has no types of its own. No retries: it is no function. */
type Channel = {
  close(): void;
  addEventListener(type: 'close', heard: () => void): void;
};

async function carry(
  forward: PortForward,
  { namespace, service, port }: ServicePort,
  socket: Socket,
): Promise<void> {
  const errors = new PassThrough();
  // The one thing that Kubernetes writes there is why it could not connect.
  errors.on('data', () => socket.destroy());
  const opened: unknown = await forward.portForwardService(
    namespace,
    service,
    [port],
    socket,
    errors,
    socket,
  );
  const channel = opened as Channel;
  socket.on('close', () => channel.close());
  channel.addEventListener('close', () => socket.end());
}

/** The port of the pods behind a port of their service. */
async function targetPort(
  api: KubeApi,
  { namespace, service, port }: ServicePort,
): Promise<number> {
  const path = `/api/v1/namespaces/${namespace}/services/${service}`;
  const { spec } = await api.request<Service>({ method: 'GET', path });
  const found = spec?.ports?.find((one) => one.port === port);
  if (found === undefined) {
    const there = spec?.ports?.map((one) => one.port).join(', ') ?? 'none';
    const message = `the service ${service} of ${namespace} has no port ${port}; it has ${there}`;
    throw new KdxError('Configuration', message);
  }
  return typeof found.targetPort === 'number' ? found.targetPort : port;
}
