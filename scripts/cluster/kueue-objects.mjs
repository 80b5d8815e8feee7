// Kueue's objects for a manager that is a process: its webhooks are reached by URL, not by a service.
//   node kueue-objects.mjs KUSTOMIZATION CA URL     reads objects, one a line, and prints a list, as JSON
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';

/** @typedef {{ clientConfig: { service: { path: string } }, namespaceSelector?: object }} Webhook */
/** @typedef {{ kind: string, metadata: { name: string }, webhooks: Webhook[] }} WebhookConfiguration */
/** @typedef {{ kind: 'CustomResourceDefinition', spec: { names: { plural: string }, conversion?: object } }} CustomResource */

const [kustomization = '', authority = '', url = ''] = process.argv.slice(2);
const caBundle = (await readFile(authority)).toString('base64');
/** Lists which custom resources have several versions, which the manager converts. */
const patches = await readFile(kustomization, 'utf8');

/** Those of other frameworks, such as Ray's, are not installed here. */
const OWN = /kueue-x-k8s-io|-batch-v1-job$/;
const JOBS = /-batch-v1-job$/;
const SYSTEM = ['kube-system', 'kueue-system'];

/** @param {string} path */
function configOf(path) {
  return { url: url + path, caBundle };
}

/** @param {CustomResource} resource */
function converted(resource) {
  const patch = `- path: patches/webhook_in_${resource.spec.names.plural}.yaml`;
  if (!patches.includes(patch)) return resource;
  const webhook = { clientConfig: configOf('/convert'), conversionReviewVersions: ['v1'] };
  return { ...resource, spec: { ...resource.spec, conversion: { strategy: 'Webhook', webhook } } };
}

/** @param {WebhookConfiguration} configuration */
function pointed({ metadata, webhooks, ...rest }) {
  return {
    ...rest,
    metadata: { name: `kueue-${metadata.name}` },
    webhooks: webhooks
      .filter(({ clientConfig }) => OWN.test(clientConfig.service.path))
      .map(direct),
  };
}

/** @param {Webhook} webhook */
function direct(webhook) {
  const { path } = webhook.clientConfig.service;
  // As its chart does: Kueue must not hold back the system's own Jobs.
  const elsewhere = { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: SYSTEM };
  return {
    ...webhook,
    clientConfig: configOf(path),
    ...(JOBS.test(path) && { namespaceSelector: { matchExpressions: [elsewhere] } }),
  };
}

const lines = (await text(process.stdin)).split('\n').filter((line) => line !== '');
/** @type {(CustomResource | WebhookConfiguration)[]} */
const objects = lines.map((line) => JSON.parse(line));
const items = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kueue-system' } },
  ...objects.map((object) => ('webhooks' in object ? pointed(object) : converted(object))),
];
process.stdout.write(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
