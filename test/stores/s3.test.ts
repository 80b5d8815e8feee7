import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { openS3Store, type S3Options } from '../../stores/s3.ts';

/** A store whose server fails in a way that a real one cannot be asked to. */
async function storeOn(t: ExecutionContext, server: Server, options: Partial<S3Options> = {}) {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKey: 'kdx', secretKey: 'secret-key', bucket: 'kdx' };
  return {
    url,
    store: openS3Store({ endpoint: url, ...credentials, retrySeconds: 0, ...options }),
  };
}

const http = (listener: RequestListener) => createHttpServer(listener);

test('an unreachable endpoint is one error that names endpoint, bucket, object and cause', async (t) => {
  const server = createServer();
  const { url, store } = await storeOn(t, server, { retrySeconds: 0.5 });
  await once(server.close(), 'close');
  const error = await t.throwsAsync(store.get('results/a.json'), { code: 'ObjectStore' });
  t.is(error?.message, `read ${url}/kdx/results/a.json: connect ECONNREFUSED ${url.slice(7)}`);
  await t.throwsAsync(store.putOnce('a', Buffer.from('x')), { code: 'ObjectStore' });
  await t.throwsAsync(store.list('a'), { code: 'ObjectStore' });
  await t.throwsAsync(store.ensureBucket(), { code: 'ObjectStore' });
});

test('a server that never answers is given up', async (t) => {
  const server = createServer(() => undefined);
  const { url, store } = await storeOn(t, server, { idleSeconds: 0.2 });
  const error = await t.throwsAsync(store.ping(), { code: 'ObjectStore' });
  t.true(error?.message.includes(url));
  t.regex(error?.message ?? '', /nothing moved for 0.2 s/);
});

test('a server that stops in the middle of an object is given up', async (t) => {
  const server = http((_, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('half');
  });
  const { store } = await storeOn(t, server, { idleSeconds: 0.2 });
  await t.throwsAsync(store.get('blobs/a'), { code: 'ObjectStore' });
});

test('an object whose transfer is cut off is read again, never taken for whole', async (t) => {
  let requests = 0;
  const server = http((request, response) => {
    response.writeHead(200, { 'content-length': 5 });
    if (requests++ === 0) response.write('wh', () => request.socket.destroy());
    else response.end('whole');
  });
  const { store } = await storeOn(t, server, { retrySeconds: 5 });
  t.deepEqual(await store.get('blobs/a'), Buffer.from('whole'));
  t.is(requests, 2);
});

test('a server in trouble is asked again', async (t) => {
  let requests = 0;
  const server = http((request, response) => {
    request.resume();
    response.writeHead(requests++ < 3 ? 503 : 200);
    response.end();
  });
  const { store } = await storeOn(t, server, { retrySeconds: 10 });
  await store.putLatest('a', Buffer.from('x'));
  t.is(requests, 4);
});

test('a refusal is not asked again', async (t) => {
  let requests = 0;
  const server = http((_, response) => {
    requests++;
    response.writeHead(400);
    response.end('<Error><Code>InvalidRequest</Code><Message>No.</Message></Error>');
  });
  const { store } = await storeOn(t, server, { retrySeconds: 10 });
  const error = await t.throwsAsync(store.get('a'), { code: 'ObjectStore' });
  t.regex(error?.message ?? '', /InvalidRequest: No\./);
  t.is(requests, 1);
});

test('a lost answer to a conditional write is found out by its bytes', async (t) => {
  let kept = '';
  const server = http((request, response) => {
    if (request.method === 'GET') {
      response.end(kept);
    } else if (kept === '') {
      request.on('data', (chunk: Buffer) => (kept += chunk.toString()));
      request.on('end', () => request.socket.destroy());
    } else {
      request.resume();
      response.writeHead(412);
      response.end('<Error><Code>PreconditionFailed</Code></Error>');
    }
  });
  const { store } = await storeOn(t, server, { retrySeconds: 10 });
  t.is(await store.putOnce('results/a.json', Buffer.from('{"a":1}')), 'same');
});

for (const endpoint of [
  '127.0.0.1:9000',
  'ftp://host',
  'http://host/path',
  'http://a:b@host',
  '',
]) {
  test(`the endpoint ${JSON.stringify(endpoint)} is refused with what is allowed`, (t) => {
    const open = () =>
      openS3Store({ endpoint, accessKey: 'a', secretKey: 'b', bucket: 'kdx-test' });
    const error = t.throws(open, { code: 'Configuration' });
    t.true(error?.message.includes(JSON.stringify(endpoint)));
    t.true(error?.message.includes('http://host:port'));
  });
}
