import { HttpMethod, RequestContext, type KubeConfig } from '@kubernetes/client-node';
import { fetch, type Response } from 'undici';

/**
 * The API server over HTTP: the client's credentials and connections, but objects as the raw JSON that
 * they are. The generated classes turn times into `Date` in a list and leave them text in a watch.
 */
export type KubeApi = {
  /** One request. @throws KubeError when the server refuses it or cannot be reached */
  readonly request: <Answer>(request: KubeRequest) => Promise<Answer>;
  /** The lines of a streamed answer, such as a watch or a log, until it ends or `signal` aborts. */
  readonly lines: (request: KubeRequest) => AsyncGenerator<string>;
};

export type KubeRequest = {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** From the server's root, e.g. `/apis/batch/v1/namespaces/kdx/jobs`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  /** Of the body; a PATCH says which kind of patch it is. */
  readonly contentType?: string;
  /** Until the answer begins; a request without an answer is given up after it. */
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal;
};

const DEFAULT_TIMEOUT_SECONDS = 30;

/** Status of a request that got no answer. */
const NO_ANSWER = 0;

/** A request that did not succeed: the HTTP status (0: no answer) and Kubernetes' own reason. */
export class KubeError extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KubeError';
    this.status = status;
    this.reason = reason;
  }
}

/** Whether an error is an answer of that status. */
export function hasStatus(error: unknown, status: number): boolean {
  return error instanceof KubeError && error.status === status;
}

/**
 * Whether the same request may succeed later: the server is away, overloaded or starting, the
 * credentials are being rotated (401), or an admission webhook such as Kueue's cannot be called (500).
 */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof KubeError)) return false;
  return [NO_ANSWER, 401, 408, 429].includes(error.status) || error.status >= 500;
}

/** Connects on first use. Credentials are read anew for every request, so that rotated ones are used. */
export function openKubeApi(config: KubeConfig): KubeApi {
  return {
    request: async <Answer>(request: KubeRequest) => {
      const response = await send(config, request, request.signal);
      return (await response.json()) as Answer;
    },
    lines: (request) => lines(config, request),
  };
}

async function* lines(config: KubeConfig, request: KubeRequest): AsyncGenerator<string> {
  const response = await send(config, request, request.signal);
  const decoder = new TextDecoder();
  let rest = '';
  try {
    // The loop's end, early or not, closes the connection.
    for await (const chunk of response.body ?? []) {
      const parts = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n');
      rest = parts.pop() ?? '';
      for (const line of parts) if (line !== '') yield line;
    }
  } catch (error) {
    if (error instanceof KubeError) throw error;
    request.signal?.throwIfAborted();
    throw unreachable(request, error);
  }
  if (rest !== '') yield rest;
}

async function send(
  config: KubeConfig,
  request: KubeRequest,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const { method, body, contentType = 'application/json' } = request;
  const url = urlOf(config, request);
  const context = new RequestContext(url.href, HttpMethod[method]);
  await config.applySecurityAuthentication(context);
  const dispatcher = context.getDispatcher();
  const seconds = request.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
  const overdue = new AbortController();
  const timer = setTimeout(
    () => overdue.abort(new Error(`no answer for ${seconds} s`)),
    seconds * 1000,
  );
  try {
    const response = await fetch(url, {
      method,
      headers: { ...context.getHeaders(), accept: 'application/json', 'content-type': contentType },
      signal: AbortSignal.any([overdue.signal, ...(signal === undefined ? [] : [signal])]),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(dispatcher === undefined ? {} : { dispatcher }),
    });
    if (!response.ok) throw await refusal(request, response);
    return response;
  } catch (error) {
    if (error instanceof KubeError) throw error;
    signal?.throwIfAborted();
    throw unreachable(request, error);
  } finally {
    clearTimeout(timer);
  }
}

function urlOf(config: KubeConfig, { path, query = {} }: KubeRequest): URL {
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) throw new TypeError('the kubeconfig has no current cluster');
  const url = new URL(server.replace(/\/$/, '') + path);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url;
}

/** The answer's own words, where it is a `Status`. */
async function refusal({ method, path }: KubeRequest, response: Response): Promise<KubeError> {
  const text = await response.text().catch(() => '');
  let status: { reason?: string; message?: string } = {};
  try {
    status = JSON.parse(text) as typeof status;
  } catch {
    // Not a Status: the text itself is shown.
  }
  const { reason = 'Unknown', message = text.slice(0, 300) } = status;
  return new KubeError(response.status, reason, `${method} ${path}: ${response.status} ${message}`);
}

function unreachable({ method, path }: KubeRequest, cause: unknown): KubeError {
  const why =
    cause instanceof Error ? (cause.cause instanceof Error ? cause.cause : cause).message : '';
  return new KubeError(NO_ANSWER, 'Unreachable', `${method} ${path}: ${why}`, { cause });
}
