// Kueue's objects for a manager that is a process: its webhooks are reached by URL, not by a service.
//   node kueue-objects.mjs FOLDER CA URL     prints a list, as JSON
import { loadAllYaml, loadYaml } from '@kubernetes/client-node';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** @typedef {{ clientConfig: object, namespaceSelector?: object }} Webhook */
/** @typedef {{ metadata: { name: string }, webhooks: Webhook[] }} WebhookConfiguration */
/** @typedef {{ spec: { names: { plural: string }, conversion?: object } }} CustomResource */

const [folder = '', authority = '', url = ''] = process.argv.slice(2);
const caBundle = (await readFile(authority)).toString('base64');
const configOf = (/** @type {string} */ path) => ({ url: url + path, caBundle });

/** Those of other frameworks, such as Ray's, are not installed here. */
const OWN = /kueue-x-k8s-io|-batch-v1-job$/;
const JOBS = /-batch-v1-job$/;
const SYSTEM = ['kube-system', 'kueue-system'];

/** Custom resources of several versions are converted by the manager; the list says which. */
async function customResources() {
  const patches = await readFile(join(folder, 'crds.kustomization'), 'utf8');
  const names = (await readdir(join(folder, 'crds'))).toSorted();
  return Promise.all(
    names.map(async (name) => {
      /** @type {CustomResource} */
      const resource = loadYaml(await readFile(join(folder, 'crds', name), 'utf8'));
      const { plural } = resource.spec.names;
      if (new RegExp(`^- path: patches/webhook_in_${plural}\\.yaml`, 'm').test(patches)) {
        const webhook = { clientConfig: configOf('/convert'), conversionReviewVersions: ['v1'] };
        resource.spec.conversion = { strategy: 'Webhook', webhook };
      }
      return resource;
    }),
  );
}

async function webhooks() {
  /** @type {WebhookConfiguration[]} */
  const configurations = loadAllYaml(await readFile(join(folder, 'webhooks.yaml'), 'utf8'));
  return configurations.map((configuration) => ({
    ...configuration,
    metadata: { ...configuration.metadata, name: `kueue-${configuration.metadata.name}` },
    webhooks: configuration.webhooks.flatMap(pointed),
  }));
}

/** @param {Webhook} webhook */
function pointed(webhook) {
  const { service } = /** @type {{ service: { path: string } }} */ (webhook.clientConfig);
  if (!OWN.test(service.path)) return [];
  const clientConfig = configOf(service.path);
  // As its chart does: Kueue must not hold back the system's own Jobs.
  const elsewhere = { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: SYSTEM };
  const namespaceSelector = JOBS.test(service.path)
    ? { matchExpressions: [elsewhere] }
    : webhook.namespaceSelector;
  return [{ ...webhook, clientConfig, ...(namespaceSelector && { namespaceSelector }) }];
}

const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kueue-system' } };
const items = [namespace, ...(await customResources()), ...(await webhooks())];
process.stdout.write(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
