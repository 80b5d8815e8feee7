import { errorText, KdxError } from '../../leg/errors.ts';

/** MLflow's REST API, version 2.0, as far as it is the same for every call. */
export type MlflowClient = {
  readonly url: string;
  /** One call of `/api/2.0/mlflow/<path>`; its answer as JSON. */
  call<Answer>(method: 'GET' | 'POST', path: string, fields: Fields): Promise<Answer>;
  /** Puts a file through the server's artifact proxy, which holds the credentials of the store. */
  putArtifact(path: string, bytes: Uint8Array, contentType: string): Promise<void>;
};

/** Fields of a request: the body of a POST, the query of a GET (then strings only). */
export type Fields = Readonly<Record<string, unknown>>;

export type MlflowCredentials =
  { readonly username: string; readonly password: string } | { readonly token: string };

export type MlflowOptions = {
  /** `http://host:port`, with a path where the server is behind one. */
  readonly url: string;
  /** Sent with every request and to that address alone. */
  readonly credentials?: MlflowCredentials | undefined;
  /** A request that is not answered within so long is given up; default 30. */
  readonly timeoutSeconds?: number;
};

/** A refusal by the server, with MLflow's own code, e.g. `RESOURCE_DOES_NOT_EXIST`. */
export class MlflowRefusal extends KdxError {
  readonly refusal: string;

  constructor(message: string, refusal: string) {
    super('Tracking', message);
    this.refusal = refusal;
  }
}

/**
 * A client without retries: its callers are retried. Every failure is a `Tracking` error that
 * names the address and the cause.
 */
export function openMlflow(options: MlflowOptions): MlflowClient {
  const { url, credentials, timeoutSeconds = 30 } = options;
  const base = url.replace(/\/+$/, '');
  const authorization = authorizationOf(credentials);
  const ask = (address: string, { headers, ...init }: RequestInit) =>
    request(address, { ...init, headers: { ...headers, ...authorization } }, timeoutSeconds);
  return {
    url: base,
    async call<Answer>(method: 'GET' | 'POST', path: string, fields: Fields) {
      const address = `${base}/api/2.0/mlflow/${path}`;
      const text =
        method === 'GET'
          ? await ask(
              `${address}?${new URLSearchParams(fields as Record<string, string>).toString()}`,
              {},
            )
          : await ask(address, {
              method,
              headers: { 'content-type': 'application/json' },
              body: JSON.stringify(fields),
            });
      return parse(text, address) as Answer;
    },
    async putArtifact(path, bytes, contentType) {
      await ask(`${base}/api/2.0/mlflow-artifacts/artifacts/${path}`, {
        method: 'PUT',
        headers: { 'content-type': contentType },
        body: Buffer.from(bytes),
      });
    },
  };
}

/** Basic where there are user and password, as MLflow's own clients do it; else Bearer. */
function authorizationOf(credentials: MlflowCredentials | undefined): Record<string, string> {
  if (credentials === undefined) return {};
  if ('token' in credentials) return { authorization: `Bearer ${credentials.token}` };
  const pair = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
  return { authorization: `Basic ${pair}` };
}

async function request(address: string, init: RequestInit, seconds: number): Promise<string> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(address, { ...init, signal: AbortSignal.timeout(seconds * 1000) });
    text = await response.text();
  } catch (cause) {
    throw new KdxError('Tracking', `MLflow at ${address}: ${errorText(cause)}`, { cause });
  }
  if (response.ok) return text;
  const { code, message } = refusalOf(text);
  throw new MlflowRefusal(`MLflow at ${address} answers ${response.status}: ${message}`, code);
}

function refusalOf(text: string): { readonly code: string; readonly message: string } {
  try {
    const { error_code: code, message } = JSON.parse(text) as Record<string, unknown>;
    return { code: String(code), message: `${String(code)}: ${String(message)}` };
  } catch {
    return { code: '', message: text.slice(0, 200) };
  }
}

function parse(text: string, address: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const shown = JSON.stringify(text.slice(0, 80));
    throw new KdxError('Tracking', `MLflow at ${address} answers ${shown}, not JSON`, { cause });
  }
}
