import { once } from 'node:events';
import { createServer, request as forward, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A gateway in front of an S3 server that sees every request before the server does. */
export type WatchedStore = {
  readonly endpoint: string;
  stop(): Promise<void>;
};

/** Sees the verb and the object of a request; what resolves to `drop` never reaches the server. */
export type Watch = (verb: string, object: string) => 'pass' | 'drop';

/** Requests go through as they came, `host` included, which their signatures cover. */
export async function watchStore(endpoint: string, watch: Watch): Promise<WatchedStore> {
  const { hostname, port } = new URL(endpoint);
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    const object = url.split('?')[0]?.split('/').slice(2).join('/') ?? '';
    if (watch(method, object) === 'drop') {
      request.socket.destroy();
      return;
    }
    const onward = forward({ hostname, port, method, path: url, headers });
    onward.on('response', (answer: IncomingMessage) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    // A leg that was killed in the middle of a request leaves both halves broken.
    onward.on('error', () => response.destroy());
    request.on('error', () => onward.destroy());
    response.on('error', () => onward.destroy());
    request.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
