import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { KubeConfig } from '@kubernetes/client-node';
import { openKubeApi, type KubeApi } from '../../k8s/api.ts';
import { fakeObjects, type FakeObjects, type Stored, type WatchEvent } from './fake-objects.ts';

/** How the next watches behave, one after the other; `normal` from then on. */
export type WatchMode = 'normal' | 'silent' | 'half-open' | 'gone' | 'gone-later' | 'broken';

export type FakeApi = FakeObjects & {
  readonly api: KubeApi;
  /** Answers of the next requests, of whatever kind, before the usual ones. */
  readonly statuses: number[];
  readonly modes: WatchMode[];
  /** Every request, e.g. `LIST`, `WATCH 4`, `POST /apis/…`. */
  readonly seen: string[];
  /** Connections are cut and refused until `start`. */
  stop(): Promise<void>;
  start(): Promise<void>;
};

export const POD_PATH = '/api/v1/namespaces/test/pods';
export const JOB_PATH = '/apis/batch/v1/namespaces/test/jobs';

type FakeOptions = {
  /** Collections whose watches tell nothing, ever: as if they were far behind. */
  readonly silent?: readonly string[];
};

/**
 * Jobs and pods served as the API server does it: versions, labels, watches that end after
 * `timeoutSeconds`, deletion in the foreground; and, on demand, the ways that it fails.
 */
export async function startFakeApi({ silent = [] }: FakeOptions = {}): Promise<FakeApi> {
  const objects = fakeObjects();
  const sockets = new Set<Socket>();
  const [statuses, modes, seen]: [number[], WatchMode[], string[]] = [[], [], []];

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://fake');
    const isCollection = [POD_PATH, JOB_PATH].includes(pathname);
    const isList = request.method === 'GET' && isCollection;
    const isWatch = isList && searchParams.get('watch') === 'true';
    const from = Number(searchParams.get('resourceVersion') ?? 0);
    seen.push(isWatch ? `WATCH ${from}` : isList ? 'LIST' : `${request.method} ${pathname}`);
    const status = statuses.shift();
    if (status !== undefined) return refuse(response, status);
    if (isWatch) return watch(response, pathname, searchParams, from);
    if (isList) {
      const items = objects.list(pathname, searchParams.get('labelSelector') ?? '');
      const begin = Number(searchParams.get('continue') ?? 0);
      const end = begin + Number(searchParams.get('limit') ?? Number.POSITIVE_INFINITY);
      const rest = end < items.length ? { continue: String(end) } : {};
      const metadata = { resourceVersion: String(objects.version()), ...rest };
      return void response.end(JSON.stringify({ metadata, items: items.slice(begin, end) }));
    }
    const body = await text(request);
    const parsed = (body === '' ? {} : JSON.parse(body)) as Stored;
    const result = objects.act(request.method ?? '', pathname, parsed);
    if (typeof result === 'number') refuse(response, result);
    else response.end(JSON.stringify(result));
  };

  const watch = (
    response: ServerResponse,
    path: string,
    query: URLSearchParams,
    from: number,
  ): void => {
    const mode = modes.shift() ?? 'normal';
    if (mode === 'gone') return refuse(response, 410);
    if (mode === 'half-open') return;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (mode === 'silent' || silent.includes(path)) return;
    const send = (event: WatchEvent): void => void response.write(`${JSON.stringify(event)}\n`);
    if (mode === 'gone-later') {
      send({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
      return void response.end();
    }
    if (mode === 'broken') {
      response.write('{"type":"ADDED","obj');
      return void setTimeout(() => response.destroy(), 10);
    }
    const unsubscribe = objects.watch(path, query.get('labelSelector') ?? '', from, send);
    const end = (): void => {
      unsubscribe();
      const metadata = { resourceVersion: String(objects.version()) };
      send({ type: 'BOOKMARK', object: { metadata } });
      response.end();
    };
    const timer = setTimeout(end, Number(query.get('timeoutSeconds')) * 1000);
    response.on('close', () => {
      clearTimeout(timer);
      unsubscribe();
    });
  };

  let server: Server | undefined;
  let port = 0;
  const start = async (): Promise<void> => {
    const next = createServer((request, response) => void answer(request, response));
    next.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => next.listen(port, '127.0.0.1', resolve));
    port = (next.address() as AddressInfo).port;
    server = next;
  };
  const stop = async (): Promise<void> => {
    const closed = new Promise((resolve) => server?.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await start();
  return { ...objects, api: openKubeApi(configOf(port)), statuses, modes, seen, start, stop };
}

function configOf(port: number): KubeConfig {
  const config = new KubeConfig();
  config.loadFromOptions({
    // The client refuses plain HTTP otherwise.
    clusters: [{ name: 'fake', server: `http://127.0.0.1:${port}`, skipTLSVerify: true }],
    users: [{ name: 'fake', token: 'fake' }],
    contexts: [{ name: 'fake', cluster: 'fake', user: 'fake' }],
    currentContext: 'fake',
  });
  return config;
}

function refuse(response: ServerResponse, code: number): void {
  const status = { kind: 'Status', code, reason: `Reason${code}`, message: `refused with ${code}` };
  response.writeHead(code).end(JSON.stringify(status));
}
