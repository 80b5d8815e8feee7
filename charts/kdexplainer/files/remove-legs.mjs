/**
 * Ends the Jobs of legs that a release leaves when it goes: Helm does not know them. Each pod is given its
 * grace, so that the last checkpoint is in the store. Reads NAMESPACE and SELECTOR from the environment.
 */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const { NAMESPACE, SELECTOR = '' } = process.env;
const JOBS = `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`;
/** Workers may be ending beside us, and make one more. */
const QUIET_ROUNDS = 5;
const ROUND_MILLISECONDS = 2000;

/** @typedef {{ metadata: { name: string, deletionTimestamp?: string } }} Job */

/**
 * @param {'GET' | 'DELETE'} method
 * @param {string} path
 * @returns {Promise<{ items?: Job[] }>}
 */
async function call(method, path) {
  const sent = request({
    host: process.env['KUBERNETES_SERVICE_HOST'],
    port: process.env['KUBERNETES_SERVICE_PORT'],
    ca: readFileSync(`${ACCOUNT}/ca.crt`),
    headers: { authorization: `Bearer ${readFileSync(`${ACCOUNT}/token`, 'utf8').trim()}` },
    method,
    path,
  });
  /** @type {import('node:http').IncomingMessage} */
  const response = await new Promise((resolve, reject) => {
    sent.on('response', resolve).on('error', reject).end();
  });
  const { statusCode = 0 } = response;
  const answer = await text(response);
  if (statusCode < 300 || statusCode === 404) return JSON.parse(answer);
  throw new Error(`${method} ${path}: ${statusCode} ${answer.slice(0, 300)}`);
}

for (let quiet = 0; quiet < QUIET_ROUNDS; await sleep(ROUND_MILLISECONDS)) {
  const { items = [] } = await call('GET', `${JOBS}?labelSelector=${encodeURIComponent(SELECTOR)}`);
  quiet = items.length === 0 ? quiet + 1 : 0;
  for (const { metadata } of items) {
    if (metadata.deletionTimestamp !== undefined) continue;
    process.stdout.write(`ending ${metadata.name}\n`);
    await call('DELETE', `${JOBS}/${metadata.name}?propagationPolicy=Foreground`);
  }
}
