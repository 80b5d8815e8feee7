import { createServer } from 'node:http';

/** What a kubelet asks: is the process alive, and does it serve its queues. */
export type Health = {
  /** From now on `/ready` answers that it does. */
  setReady(): void;
  close(): void;
};

/** Answers `/live` and, once ready, `/ready` with 200; everything else with 404 or 503. */
export function serveHealth(port: number): Health {
  let isReady = false;
  const server = createServer(({ url }, response) => {
    const status = url === '/live' ? 200 : url !== '/ready' ? 404 : isReady ? 200 : 503;
    response.writeHead(status, { 'content-type': 'text/plain' });
    response.end(status === 200 ? 'ok\n' : 'not ready\n');
  });
  server.listen(port);
  return {
    setReady: () => {
      isReady = true;
    },
    close: () => server.close(),
  };
}
