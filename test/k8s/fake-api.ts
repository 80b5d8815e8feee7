import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { openKubeApi, type KubeApi } from '../../k8s/api.ts';

type Stored = { metadata: { name: string; resourceVersion: string; [field: string]: unknown } };
type Event = { type: string; object: unknown };

/** How the next watches behave, one after the other; `normal` from then on. */
export type WatchMode = 'normal' | 'silent' | 'half-open' | 'gone' | 'gone-later' | 'broken';

export type FakeApi = {
  readonly api: KubeApi;
  put(name: string, fields?: object): void;
  remove(name: string): void;
  /** Answers of the next requests, of whatever kind, before the usual ones. */
  readonly statuses: number[];
  readonly modes: WatchMode[];
  /** Every request, e.g. `LIST`, `WATCH 4`. */
  readonly seen: string[];
  /** Connections are cut and refused until `start`. */
  stop(): Promise<void>;
  start(): Promise<void>;
};

const PATH = '/api/v1/namespaces/test/pods';

/**
 * A collection served as the API server does it: versions, watches that end after `timeoutSeconds`,
 * 410 for a version from before the last compaction; and, on demand, the ways that it fails.
 */
export async function startFakeApi(): Promise<FakeApi> {
  const objects = new Map<string, Stored>();
  const history: { version: number; event: Event }[] = [];
  const watchers = new Set<(event: Event) => void>();
  const sockets = new Set<Socket>();
  const [statuses, modes, seen]: [number[], WatchMode[], string[]] = [[], [], []];
  let version = 1;

  const emit = (event: Event): void => {
    history.push({ version, event });
    for (const watcher of watchers) watcher(event);
  };
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '', 'http://fake');
    const isWatch = url.searchParams.get('watch') === 'true';
    const from = Number(url.searchParams.get('resourceVersion') ?? 0);
    seen.push(isWatch ? `WATCH ${from}` : 'LIST');
    const status = statuses.shift();
    if (status !== undefined) return refuse(response, status);
    if (isWatch) return watch(response, from, Number(url.searchParams.get('timeoutSeconds')));
    const items = [...objects.values()];
    response.end(JSON.stringify({ metadata: { resourceVersion: String(version) }, items }));
  };
  const watch = (response: ServerResponse, from: number, seconds: number): void => {
    const mode = modes.shift() ?? 'normal';
    if (mode === 'gone') return refuse(response, 410);
    if (mode === 'half-open') return;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (mode === 'silent') return;
    const send = (event: Event): void => void response.write(`${JSON.stringify(event)}\n`);
    if (mode === 'gone-later') {
      send({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
      return void response.end();
    }
    if (mode === 'broken') {
      response.write('{"type":"ADDED","obj');
      return void setTimeout(() => response.destroy(), 10);
    }
    for (const past of history) if (past.version > from) send(past.event);
    watchers.add(send);
    const end = (): void => {
      watchers.delete(send);
      send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(version) } } });
      response.end();
    };
    const timer = setTimeout(end, seconds * 1000);
    response.on('close', () => {
      clearTimeout(timer);
      watchers.delete(send);
    });
  };

  let server: Server | undefined;
  let port = 0;
  const start = async (): Promise<void> => {
    const next = createServer(answer);
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
  return {
    api: openKubeApi(configOf(port)),
    ...{ statuses, modes, seen, start, stop },
    put: (name, fields = {}) => {
      version += 1;
      const type = objects.has(name) ? 'MODIFIED' : 'ADDED';
      const object = { metadata: { name, resourceVersion: String(version) }, ...fields };
      objects.set(name, object);
      emit({ type, object });
    },
    remove: (name) => {
      const object = objects.get(name);
      objects.delete(name);
      version += 1;
      emit({ type: 'DELETED', object });
    },
  };
}

export const POD_PATH = PATH;

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
