import * as http from 'node:http';
import * as https from 'node:https';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { Client } from 'minio';
import pRetry from 'p-retry';
import { KdxError } from '../leg/errors.ts';
import { artifactsIn, type ArtifactStore } from './artifacts.ts';
import { type Aged, checkObjectName, type Objects, type Stat } from './objects.ts';
import { type ListedBucket, listNames, scanPages, unfinishedUploads } from './s3-listing.ts';
import { isAbsent, isTransient, s3Code, storeError } from './s3-errors.ts';

export type S3Options = {
  /** `http://host:port` or `https://host`. */
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
  /** Put before every object's name, e.g. `team-a`. */
  readonly prefix?: string;
  readonly region?: string;
  /** How long an operation is tried again while the store cannot be reached; default 20. */
  readonly retrySeconds?: number;
  /** A request that makes no headway for so long is given up; default 30. */
  readonly idleSeconds?: number;
  /** A blob that has been there for longer is written anew by who needs it; default 12 hours. */
  readonly freshSeconds?: number;
};

/**
 * One PUT holds up to 5 GiB. A single PUT is whole or nothing and leaves no parts behind, and the
 * client's multipart resumes another process's upload of the same name.
 */
const PART_BYTES = 5 * 1024 ** 3;
const MAX_SOCKETS = 32;

/** Artifacts in a bucket of any S3 server that honours `If-None-Match: *`. Connects on first use. */
export function openS3Store(options: S3Options): ArtifactStore {
  return artifactsIn(s3Objects(options), options.freshSeconds);
}

type Bucket = ListedBucket & { readonly region: string; readonly location: string };

function s3Objects(options: S3Options): Objects {
  const bucket = openBucket(options);
  return {
    location: bucket.location,
    ensure: () => ensure(bucket),
    ping: () => ping(bucket),
    get: (name) => get(bucket, name, buffer),
    getAged: (name) => get(bucket, name, (response) => aged(response, name)),
    stat: (name) => look(bucket, name),
    put: (name, bytes, contentType) => put(bucket, name, bytes, { 'Content-Type': contentType }),
    putIfAbsent: (name, bytes, contentType) => putIfAbsent(bucket, name, bytes, contentType),
    list: (prefix) => listNames(bucket, prefix),
    scan: (prefix) => scanPages(bucket, prefix),
    unfinished: () => unfinishedUploads(bucket),
    remove: (name) =>
      bucket.attempt('remove', name, () =>
        bucket.client.removeObject(bucket.bucket, bucket.prefix + name),
      ),
  };
}

/** Delays grow by two, with jitter so that many legs do not return at once; in milliseconds. */
const RETRY = { minTimeout: 100, maxTimeout: 3000, factor: 2, randomize: true } as const;

function openBucket(options: S3Options): Bucket {
  const { bucket, prefix, retrySeconds = 20 } = options;
  const url = endpointUrl(options.endpoint);
  if (prefix !== undefined) checkObjectName(prefix);
  const region = options.region ?? 'us-east-1';
  const location = [url.origin, bucket, prefix].filter((part) => part !== undefined).join('/');
  return {
    client: openClient(options, url, region),
    bucket,
    region,
    location,
    prefix: prefix === undefined ? '' : `${prefix}/`,
    async attempt(verb, name, operation) {
      try {
        return await pRetry(operation, {
          ...RETRY,
          // Zero seconds are one try.
          retries: retrySeconds === 0 ? 0 : Number.POSITIVE_INFINITY,
          maxRetryTime: retrySeconds * 1000,
          shouldRetry: ({ error }) => isTransient(error),
        });
      } catch (cause) {
        throw storeError(cause, `${verb} ${location}/${name}`);
      }
    },
  };
}

function endpointUrl(endpoint: string): URL {
  const url = URL.parse(endpoint);
  const isPlain = url?.pathname === '/' && url.search === '' && url.username === '';
  if (url !== null && isPlain && /^https?:$/.test(url.protocol)) return url;
  throw new KdxError(
    'Configuration',
    `S3 endpoint ${JSON.stringify(endpoint)}: allowed is http://host:port or https://host:port`,
  );
}

function openClient(options: S3Options, url: URL, region: string): Client {
  const secure = url.protocol === 'https:';
  const transport = secure ? https : http;
  const timeout = (options.idleSeconds ?? 30) * 1000;
  try {
    return new Client({
      endPoint: url.hostname,
      port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
      useSSL: secure,
      accessKey: options.accessKey,
      secretKey: options.secretKey,
      region,
      partSize: PART_BYTES,
      // Its own retries print to the console and leave connection errors out.
      retryOptions: { disableRetry: true },
      transportAgent: new transport.Agent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
      transport: { request: impatientRequest(transport, timeout) },
    });
  } catch (cause) {
    throw storeError(cause, `open ${url.origin}`, 'Configuration');
  }
}

/** `http.request` that gives up when nothing moves for `timeout` milliseconds. */
function impatientRequest(transport: typeof http | typeof https, timeout: number) {
  return ((
    options: https.RequestOptions,
    onResponse?: (response: http.IncomingMessage) => void,
  ) => {
    const request = transport.request({ ...options, timeout }, onResponse);
    request.on('timeout', () => {
      request.destroy(new Error(`nothing moved for ${timeout / 1000} s`));
    });
    return request;
  }) as typeof http.request;
}

async function ensure({ client, bucket, region, attempt }: Bucket): Promise<void> {
  await attempt('create the bucket of', '', async () => {
    if (await client.bucketExists(bucket)) return;
    try {
      await client.makeBucket(bucket, region);
    } catch (error) {
      // Another process created it in between.
      if (s3Code(error) !== 'BucketAlreadyOwnedByYou') throw error;
    }
  });
}

async function ping({ client, bucket, attempt, location }: Bucket): Promise<void> {
  const exists = await attempt('reach', '', () => client.bucketExists(bucket));
  if (!exists) throw new KdxError('ObjectStore', `reach ${location}: there is no such bucket`);
}

/** Reads an object; `read` makes of the answer what the caller wants. */
async function get<Value>(
  bucket: Bucket,
  name: string,
  read: (response: Readable) => Promise<Value>,
): Promise<Value | undefined> {
  const { client, attempt, prefix } = bucket;
  return attempt('read', name, async () => {
    try {
      return await read(await client.getObject(bucket.bucket, prefix + name));
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  });
}

async function aged(response: Readable, name: string): Promise<Aged> {
  return { bytes: await buffer(response), ageSeconds: ageOf(response, name) };
}

/** Age by the server's clock alone: the difference of two headers of its answer. */
function ageOf(response: Readable, name: string): number {
  const headers = response instanceof http.IncomingMessage ? response.headers : {};
  const { date = '', 'last-modified': modified = '' } = headers;
  const age = (Date.parse(date) - Date.parse(modified)) / 1000;
  if (Number.isFinite(age)) return age;
  throw new KdxError('ObjectStore', `read ${name}: the server does not date its answers`);
}

async function look(bucket: Bucket, name: string): Promise<Stat | undefined> {
  const { client, attempt, prefix } = bucket;
  return attempt('look up', name, async () => {
    try {
      const found = await client.statObject(bucket.bucket, prefix + name);
      return { bytes: found.size, modifiedAt: found.lastModified.getTime() };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  });
}

async function put(
  bucket: Bucket,
  name: string,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  // The client tells a Buffer from a stream, and a Uint8Array from neither.
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  await bucket.attempt('write', name, () =>
    bucket.client.putObject(bucket.bucket, bucket.prefix + name, body, body.length, { ...headers }),
  );
}

async function putIfAbsent(
  bucket: Bucket,
  name: string,
  bytes: Uint8Array,
  contentType: string,
): Promise<boolean> {
  try {
    await put(bucket, name, bytes, { 'Content-Type': contentType, 'If-None-Match': '*' });
    return true;
  } catch (error) {
    if (error instanceof KdxError && s3Code(error.cause) === 'PreconditionFailed') return false;
    throw error;
  }
}
