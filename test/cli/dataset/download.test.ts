import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import { addAny } from '../../../cli/dataset/add-any.ts';
import { download } from '../../../cli/dataset/download.ts';
import { emptyStore } from '../study/store.ts';
import { folder } from './archives.ts';
import { photoFiles, zipOf } from './images/samples.ts';

const BYTES = randomBytes(300_000);

type Serve = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** A publisher on this machine. Gives its address and the ranges that were asked for. */
async function publisher(t: ExecutionContext, serve: Serve) {
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range);
    serve(request, response, ranges.length);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/birds.zip`, ranges };
}

type Sent = { readonly bytes?: Uint8Array; readonly etag?: string; readonly end?: number };

/** Answers like a server that knows ranges. `end`: breaks off there. */
function sendRange(
  request: IncomingMessage,
  response: ServerResponse,
  { bytes = BYTES, etag = '"one"', end = Infinity }: Sent = {},
): void {
  const isSame = (request.headers['if-range'] ?? etag) === etag;
  const start = isSame ? Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0) : 0;
  response.writeHead(start > 0 ? 206 : 200, {
    ...{ etag, 'content-length': bytes.length - start },
    ...(start > 0 ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}),
  });
  response.write(bytes.subarray(start, end), () => {
    if (end >= bytes.length) response.end();
    else response.destroy();
  });
}

async function fetchInto(path: string, url: string, lines: string[] = [], bytes?: number) {
  return download({
    ...{ url, folder: path, retrySeconds: 0.01, tell: (line: string) => void lines.push(line) },
    ...(bytes === undefined ? {} : { bytes }),
  });
}

test('a file is fetched whole, with its progress', async (t) => {
  const { url, ranges } = await publisher(t, (request, response) => sendRange(request, response));
  const lines: string[] = [];
  const path = await fetchInto(await folder(t), url, lines, BYTES.length);
  t.deepEqual(await readFile(path), BYTES);
  t.regex(path, /-birds\.zip$/);
  t.regex(lines.at(-1) ?? '', /^birds\.zip: 0\.3 of 0\.3 MB \(100 %\), [\d.]+ MB\/s$/);
  t.deepEqual(ranges, [undefined]);
});

test('a connection that breaks is gone on with from where it broke', async (t) => {
  const { url, ranges } = await publisher(t, (request, response, count) =>
    sendRange(request, response, { end: Math.min(BYTES.length, 100_000 * count) }),
  );
  const lines: string[] = [];
  t.deepEqual(await readFile(await fetchInto(await folder(t), url, lines)), BYTES);
  t.is(ranges.length, 3);
  t.deepEqual([...ranges], [undefined, 'bytes=100000-', 'bytes=200000-']);
  t.true(
    lines.some((line) => line.includes('going on at byte 100000 in 0.01 s')),
    lines.join('\n'),
  );
});

test('a later call goes on with what an earlier one left', async (t) => {
  let isBroken = true;
  const { url, ranges } = await publisher(t, (request, response, count) => {
    if (!isBroken) return sendRange(request, response);
    if (count === 1) return sendRange(request, response, { end: 120_000 });
    response.destroy();
  });
  const path = await folder(t);
  await t.throwsAsync(fetchInto(path, url), {
    code: 'Download',
    message: /birds\.zip: .*; 120000 bytes are kept: the same command goes on with them$/,
  });
  isBroken = false;
  t.deepEqual(await readFile(await fetchInto(path, url)), BYTES);
  t.is(ranges.at(-1), 'bytes=120000-');
  t.is((await readdir(path)).length, 1, 'nothing else is left');
});

test('a server that knows no ranges sends it all again', async (t) => {
  const { url } = await publisher(t, (_, response, count) => {
    response.writeHead(200, { etag: '"one"', 'content-length': BYTES.length });
    if (count > 1) return response.end(BYTES);
    response.write(BYTES.subarray(0, 90_000), () => response.destroy());
  });
  t.deepEqual(await readFile(await fetchInto(await folder(t), url)), BYTES);
});

test('a file that has changed meanwhile, or of which nobody knows that, is fetched from its start', async (t) => {
  const newer = randomBytes(200_000);
  const { url } = await publisher(t, (request, response, count) => {
    if (count === 1) return sendRange(request, response, { end: 90_000 });
    sendRange(request, response, { bytes: newer, etag: '"two"' });
  });
  t.deepEqual(await readFile(await fetchInto(await folder(t), url)), newer);
  const nameless = await publisher(t, (_, response, count) => {
    response.writeHead(200, { 'content-length': BYTES.length, etag: 'W/"weak"' });
    if (count > 1) return response.end(BYTES);
    response.write(BYTES.subarray(0, 90_000), () => response.destroy());
  });
  t.deepEqual(await readFile(await fetchInto(await folder(t), nameless.url)), BYTES);
  t.deepEqual(nameless.ranges, [undefined, undefined]);
});

test('a part that has become longer than the file is thrown away', async (t) => {
  const short = BYTES.subarray(0, 50_000);
  const { url } = await publisher(t, (request, response, count) => {
    if (count === 1) return sendRange(request, response, { end: 90_000 });
    if (request.headers.range === undefined) return sendRange(request, response, { bytes: short });
    response.writeHead(416).end();
  });
  t.deepEqual(await readFile(await fetchInto(await folder(t), url)), short);
});

test('another size than the published one is refused before it is fetched', async (t) => {
  const { url } = await publisher(t, (request, response) => sendRange(request, response));
  await t.throwsAsync(fetchInto(await folder(t), url, [], 5), {
    code: 'DataMismatch',
    message: `${url} has 300000 bytes; wanted 5`,
  });
});

test('an address without a file ends at once; a server that is busy is asked again', async (t) => {
  const gone = await publisher(t, (_, response) => response.writeHead(404).end());
  await t.throwsAsync(fetchInto(await folder(t), gone.url), {
    code: 'Download',
    message: `${gone.url} answers 404; allowed: 200 (is it the right address?)`,
  });
  t.is(gone.ranges.length, 1);
  const busy = await publisher(t, (request, response, count) => {
    if (count < 3) response.writeHead(503).end();
    else sendRange(request, response);
  });
  t.deepEqual(await readFile(await fetchInto(await folder(t), busy.url)), BYTES);
  await t.throwsAsync(fetchInto(await folder(t), 'http://127.0.0.1:9/x.zip'), {
    code: 'Download',
    message: /^http:\/\/127\.0\.0\.1:9\/x\.zip: .*; 0 bytes are kept/,
  });
});

test('a redirect is followed', async (t) => {
  const { url } = await publisher(t, (request, response) => {
    if (request.url === '/there') return sendRange(request, response);
    response.writeHead(302, { location: '/there' }).end();
  });
  t.deepEqual(await readFile(await fetchInto(await folder(t), url)), BYTES);
});

test('a dataset is added from an address, and leaves no file behind', async (t) => {
  const zip = Buffer.from(zipOf(await photoFiles({ train: 3, val: 1 }, ['ant', 'bee'], 32)));
  const { url } = await publisher(t, (request, response, count) =>
    sendRange(request, response, { bytes: zip, end: count === 1 ? 1000 : zip.length }),
  );
  const downloads = join(await folder(t), 'downloads');
  const store = await emptyStore(t);
  const options = { downloads, tell: () => undefined };
  const lines = await addAny(store, 'birds', url, options);
  t.regex(lines.join('\n'), /birds: 6 training and 2 test images of 2 classes, 32 × 32/);
  t.deepEqual(await readdir(downloads), []);
  t.deepEqual(await store.list('datasets/'), ['datasets/birds.json']);
});

test('what is fetched and refused is fetched anew the next time', async (t) => {
  const { url, ranges } = await publisher(t, (request, response) => sendRange(request, response));
  const downloads = await folder(t);
  const store = await emptyStore(t);
  for (const name of ['birds', 'cifar10', 'tiny-imagenet']) {
    const adding = addAny(store, name, url, { downloads, tell: () => undefined });
    await t.throwsAsync(adding, { code: 'DataMismatch' });
    t.deepEqual(await readdir(downloads), []);
  }
  t.is(ranges.length, 3);
  t.deepEqual(await store.list(''), []);
});

test('a name that nobody publishes needs a source', async (t) => {
  const options = { downloads: await folder(t), tell: () => undefined };
  await t.throwsAsync(addAny(await emptyStore(t), 'birds', undefined, options), {
    code: 'SpecInvalid',
    message: /^birds: where from is not said; wanted: --from <folder, archive or address>/,
  });
});

test('a folder that cannot be written is named', async (t) => {
  const { url } = await publisher(t, (request, response) => sendRange(request, response));
  const path = join(await folder(t), 'file');
  await writeFile(path, '');
  await t.throwsAsync(fetchInto(join(path, 'below'), url), { message: /ENOTDIR|no folder/ });
  await mkdir(join(await folder(t), 'fine'));
});
