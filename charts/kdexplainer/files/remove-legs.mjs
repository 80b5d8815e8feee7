/**
 * Ends the Jobs of legs that a release leaves when it goes: Helm does not know them. Each pod is given its
 * grace, so that the last checkpoint is in the store. Reads NAMESPACE and SELECTOR from the environment.
 */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const { NAMESPACE, SELECTOR, KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT } = process.env;
const JOBS = `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`;
/** Workers may be ending beside us, and make one more. */
const QUIET_ROUNDS = 5;

async function call(method, path) {
  const options = {
    host: KUBERNETES_SERVICE_HOST,
    port: KUBERNETES_SERVICE_PORT,
    ca: readFileSync(`${ACCOUNT}/ca.crt`),
    headers: { authorization: `Bearer ${readFileSync(`${ACCOUNT}/token`, 'utf8').trim()}` },
  };
  return await new Promise((resolve, reject) => {
    const sent = request({ ...options, method, path }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      if (response.statusCode < 300 || response.statusCode === 404) resolve(JSON.parse(text));
      else reject(new Error(`${method} ${path}: ${response.statusCode} ${text.slice(0, 300)}`));
    });
    sent.on('error', reject);
    sent.end();
  });
}

for (let quiet = 0; quiet < QUIET_ROUNDS; await sleep(2000)) {
  const { items = [] } = await call('GET', `${JOBS}?labelSelector=${encodeURIComponent(SELECTOR)}`);
  quiet = items.length === 0 ? quiet + 1 : 0;
  for (const { metadata } of items) {
    if (metadata.deletionTimestamp !== undefined) continue;
    process.stdout.write(`ending ${metadata.name}\n`);
    await call('DELETE', `${JOBS}/${metadata.name}?propagationPolicy=Foreground`);
  }
}
