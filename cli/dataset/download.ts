import { createHash } from 'node:crypto';
import { closeSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { posix, join } from 'node:path';
import { Writable, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { EnvHttpProxyAgent, interceptors, request, type Dispatcher } from 'undici';

import { fileProblem } from '../../environment/file-problem.mjs';
import { errorText, isKdxError, KdxError } from '../../leg/errors.ts';
import { createMeter, type Meter, type Tell } from './progress.ts';

export type Download = {
  readonly url: string;
  /** Where the file and what there is of it are kept. */
  readonly folder: string;
  /** As its publisher says; absent: whatever comes is taken. */
  readonly bytes?: number;
  readonly tell: Tell;
  /** Before a broken connection is tried again; doubled each time that brought nothing. */
  readonly retrySeconds?: number;
};

/** Attempts in a row that bring nothing. */
const MOST_ATTEMPTS = 5;
const RETRY_SECONDS = 2;
/** Without a byte of the answer. */
const STALLED_SECONDS = 60;
const MOST_REDIRECTS = 5;

/**
 * Fetches a file. What a broken connection or an earlier call left is gone on with, where the server
 * can and still has the same file; proxies are those of the environment.
 *
 * @returns its path, under the name that the URL ends in
 * @throws KdxError `Download` where it does not come; what came is kept for the next call
 */
export async function download({ url, folder, ...options }: Download): Promise<string> {
  const name = `${createHash('sha256').update(url).digest('hex').slice(0, 12)}-${nameIn(url)}`;
  const target = join(folder, name);
  if ((await sizeOf(target)) > 0) return target;
  await mkdir(folder, { recursive: true });
  const agent = new EnvHttpProxyAgent({
    headersTimeout: STALLED_SECONDS * 1000,
    bodyTimeout: STALLED_SECONDS * 1000,
  });
  const dispatcher = agent.compose(
    interceptors.redirect({ maxRedirections: MOST_REDIRECTS, throwOnMaxRedirect: true }),
  );
  const part: Part = { url, path: `${target}.part`, note: `${target}.part.json`, dispatcher };
  try {
    await fetchWhole(part, options);
  } finally {
    await agent.destroy();
  }
  await rename(part.path, target);
  await rm(part.note, { force: true });
  return target;
}

type Options = Pick<Download, 'bytes' | 'tell' | 'retrySeconds'>;

/** A file that is on its way. */
type Part = {
  readonly url: string;
  readonly path: string;
  /** Says which version of the file the part is of. */
  readonly note: string;
  readonly dispatcher: Dispatcher;
};

async function fetchWhole(part: Part, options: Options): Promise<void> {
  const { retrySeconds = RETRY_SECONDS, tell } = options;
  let fruitless = 0;
  for (;;) {
    const before = await sizeOf(part.path);
    try {
      return await fetchRest(part, before, options);
    } catch (cause) {
      const problem = fileProblem(cause);
      if (problem !== undefined) throw new KdxError('Configuration', problem, { cause });
      if (isKdxError(cause)) throw cause;
      const after = await sizeOf(part.path);
      fruitless = after > before ? 0 : fruitless + 1;
      const why = `${part.url}: ${errorText(cause)}`;
      if (fruitless >= MOST_ATTEMPTS) {
        const kept = `${after} bytes are kept: the same command goes on with them`;
        throw new KdxError('Download', `${why}; ${kept}`, { cause });
      }
      const seconds = retrySeconds * 2 ** Math.max(0, fruitless - 1);
      tell(`${why}; going on at byte ${after} in ${seconds} s`);
      await wait(seconds * 1000);
    }
  }
}

/** One request. Throws anything that may be better the next time; a KdxError is the end. */
async function fetchRest(part: Part, from: number, options: Options): Promise<void> {
  const { url, path, note, dispatcher } = part;
  const validator = from > 0 ? await readValidator(part) : undefined;
  const start = validator === undefined ? 0 : from;
  const range = validator === undefined ? {} : { range: `bytes=${start}-`, 'if-range': validator };
  const { statusCode, headers, body } = await request(url, {
    dispatcher,
    headers: { 'accept-encoding': 'identity', ...range },
  });
  // Nothing was left to send, or the file has become shorter: from the start, or done.
  if (statusCode === 416 && start === options.bytes) return body.dump();
  if (statusCode === 416) {
    await body.dump();
    await rm(path, { force: true });
    throw new Error('it has become shorter');
  }
  if (statusCode !== 200 && statusCode !== 206) {
    await body.dump();
    const message = `answers ${statusCode}`;
    if (statusCode >= 500 || statusCode === 429) throw new Error(message);
    throw new KdxError('Download', `${url} ${message}; allowed: 200 (is it the right address?)`);
  }
  const offset = statusCode === 206 ? start : 0;
  const rest = Number(headers['content-length'] ?? NaN);
  const total = Number.isNaN(rest) ? options.bytes : offset + rest;
  checkTotal(url, total, options.bytes);
  // Nothing is waited for from here on: of a connection that breaks at once, what came would be lost.
  if (offset === 0) writeNote(note, url, headers);
  const meter = createMeter(nameIn(url), offset, total, options.tell);
  await writeAll(path, offset === 0 ? 'w' : 'a', body, meter);
  const found = await sizeOf(path);
  if (total !== undefined && found !== total) throw new Error(`ended at byte ${found} of ${total}`);
}

/** More than waits in memory at any time. */
const WAITING_BYTES = 2 ** 24;

/** Writes what comes when it comes: of a connection that breaks, everything is kept. */
async function writeAll(
  path: string,
  flags: 'w' | 'a',
  body: Readable,
  meter: Meter,
): Promise<void> {
  const file = openSync(path, flags);
  const sink = new Writable({
    highWaterMark: WAITING_BYTES,
    write: (chunk: Uint8Array, _, done) => {
      try {
        for (let at = 0; at < chunk.length;) at += writeSync(file, chunk, at);
        meter.add(chunk.length);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
  try {
    await pipeline(body, sink);
    meter.end();
  } finally {
    closeSync(file);
  }
}

/** @throws KdxError `DataMismatch` before any of it is fetched in vain */
function checkTotal(url: string, total: number | undefined, wanted: number | undefined): void {
  if (total === undefined || wanted === undefined || total === wanted) return;
  throw new KdxError('DataMismatch', `${url} has ${total} bytes; wanted ${wanted}`);
}

type Note = { readonly url: string; readonly validator: string };

function writeNote(
  path: string,
  url: string,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): void {
  const { etag, 'last-modified': modified } = headers;
  // A weak tag does not promise the same bytes.
  const strong = typeof etag === 'string' && !etag.startsWith('W/') ? etag : undefined;
  const validator = strong ?? (typeof modified === 'string' ? modified : undefined);
  if (validator === undefined) rmSync(path, { force: true });
  else writeFileSync(path, JSON.stringify({ url, validator } satisfies Note));
}

/** What the server has to have for the part to be gone on with; undefined where nobody knows. */
async function readValidator({ note, url }: Part): Promise<string | undefined> {
  try {
    const { validator, url: of } = JSON.parse(await readFile(note, 'utf8')) as Partial<Note>;
    return of === url ? validator : undefined;
  } catch {
    return undefined;
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

function nameIn(url: string): string {
  const name = posix.basename(new URL(url).pathname).replace(/[^A-Za-z0-9._-]/g, '_');
  return name === '' ? 'download' : name;
}

/** Whether a source is an address. */
export function isUrl(source: string): boolean {
  return /^https?:\/\//i.test(source) && URL.canParse(source);
}
