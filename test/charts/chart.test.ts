import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadYaml } from '@kubernetes/client-node';
import test from 'ava';
import { checkVariables } from '../../environment/environment.ts';
import { readPorts, readRoles } from '../../environment/roles.ts';
import { ROOT } from '../../environment/root.ts';
import { readTemporalEnvironment } from '../../environment/temporal.ts';
import { jobManifest } from '../../k8s/manifest.ts';
import { readJobSettings } from '../../k8s/settings-file.ts';
import type { JobSettings } from '../../k8s/settings.ts';
import type { Leg } from '../../leg/spec.ts';
import { SEARCH_ATTRIBUTES } from '../../leg/search-attributes.ts';
import { resolveStudy } from '../../study/resolve.ts';
import { CHART, find, readJson, render, VARIANTS, type KubeObject } from './helm.ts';
import { podsOf, violations, type PodTemplate } from './pods.ts';

const LEG = {
  ...{ key: 'ab'.repeat(32), run: '0123abcd', launch: 0, study: 'digits', trial: 't' },
  ...{ resources: { memoryMiB: 1024 }, spec: { kind: 'train', device: { kind: 'cpu' } } },
} as unknown as Leg;

/** What the role `jobs` reads in a pod of the release. */
async function settingsOf(objects: readonly KubeObject[]): Promise<JobSettings> {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-chart-'));
  try {
    const file = join(folder, 'cluster.json');
    const text = find(objects, 'ConfigMap', 'kdx-kdexplainer-cluster').data?.['cluster.json'];
    await writeFile(file, text ?? '');
    return await readJobSettings(file);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function legPod(settings: JobSettings): PodTemplate {
  const job = { leg: LEG, digest: 'cd'.repeat(32), flavour: settings.flavours[0]! };
  return (jobManifest(job, settings).spec as { readonly template: PodTemplate }).template;
}

function selects(policy: KubeObject, labels: Readonly<Record<string, string>> = {}): boolean {
  const { podSelector } = policy.spec as {
    readonly podSelector: { readonly matchLabels: Readonly<Record<string, string>> };
  };
  return Object.entries(podSelector.matchLabels).every(([name, value]) => labels[name] === value);
}

for (const variant of VARIANTS) {
  test(`${variant}: every pod keeps to the restricted standard, those of legs too`, async (t) => {
    const objects = await render(variant, ['schedules.enabled=true']);
    const pods = podsOf(objects);
    t.true(pods.size >= 6);
    for (const [name, pod] of pods) t.deepEqual(violations(pod), [], name);
    t.deepEqual(violations(legPod(await settingsOf(objects))), []);
  });

  test(`${variant}: the pods of the roles jobs and uninstall alone have a token`, async (t) => {
    const pods = [...podsOf(await render(variant, ['schedules.enabled=true']))];
    const holders = pods
      .filter(([, { spec }]) => spec.automountServiceAccountToken !== false)
      .map(([name]) => name)
      .filter((name) => name !== 'Job kdx-kdexplainer-uninstall');
    t.deepEqual(holders, ['Deployment kdx-kdexplainer-worker-jobs']);
  });

  test(`${variant}: workers accept every variable that they are given`, async (t) => {
    const roles: string[] = [];
    for (const [name, { spec }] of podsOf(await render(variant))) {
      const worker = spec.containers.find((container) => container.name === 'worker');
      if (worker === undefined) continue;
      const given = (worker.env ?? []).filter(({ value }) => value !== undefined);
      const variables = Object.fromEntries(given.map((one) => [one.name, one.value]));
      t.notThrows(() => checkVariables(variables), name);
      t.notThrows(() => readTemporalEnvironment({ ...variables, ...NO_FILES }), name);
      t.deepEqual(readPorts(variables), { metricsPort: 9464, healthPort: 8080 });
      roles.push(...readRoles(variables).roles);
    }
    for (const role of ['workflows', 'jobs', 'reports', 'records']) t.true(roles.includes(role));
  });

  test(`${variant}: the policy of legs selects their pods, and the release's own does not`, async (t) => {
    const objects = await render(variant);
    const labels = legPod(await settingsOf(objects)).metadata?.labels;
    const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy');
    const chosen = policies.filter((policy) => selects(policy, labels) && !picksComponents(policy));
    const names = chosen.map(({ metadata }) => metadata.name);
    t.true(names.includes('kdx-kdexplainer-legs'));
    const { egress } = find(objects, 'NetworkPolicy', 'kdx-kdexplainer-legs').spec as {
      readonly egress: readonly unknown[];
    };
    t.is(egress.length, 2, 'DNS and the store');
    t.deepEqual(
      names.filter((name) => !/-(legs|default-deny)$/.test(name)),
      [],
    );
  });
}

/** Certificates are mounted in the pod, not here. */
const NO_FILES = {
  TEMPORAL_TLS_SERVER_CA_CERT_PATH: undefined,
  TEMPORAL_TLS_CLIENT_CERT_PATH: undefined,
  TEMPORAL_TLS_CLIENT_KEY_PATH: undefined,
};

function picksComponents({ spec }: KubeObject): boolean {
  return (spec?.['podSelector'] as { matchExpressions?: unknown }).matchExpressions !== undefined;
}

test('the settings of the cluster carry what the operator has said', async (t) => {
  const kueue = await settingsOf(await render('kueue'));
  t.is(kueue.namespace, 'studies');
  t.is(kueue.queue, 'kdx-kdexplainer');
  t.is(kueue.store.secret, 'kdx-store');
  t.is(kueue.flavours[1]?.resource, 'nvidia.com/gpu');
  t.is(kueue.queuePriorities?.['train'], 'kdx-kdx-kdexplainer-train');
  const pool = await settingsOf(await render('pool'));
  t.deepEqual(pool.pool, ['cpu', 'a100']);
  t.is(pool.queue, undefined);
});

test('the test of a release is a study that may run, on each executor', async (t) => {
  for (const variant of ['minimal', 'mig', 'pool'] as const) {
    const config = find(await render(variant), 'ConfigMap', 'kdx-kdexplainer-test');
    const resolution = resolveStudy(JSON.parse(config.data?.['smoke.json'] ?? ''));
    t.true(resolution.ok, JSON.stringify(resolution));
  }
});

test('every value has a description, and every description a value', async (t) => {
  const values = loadYaml(await readFile(join(CHART, 'values.yaml'), 'utf8'));
  const schema = (await readJson('values.schema.json')) as Schema;
  const definitions = schema.definitions ?? {};
  const walk = (path: string, value: unknown, asked: Schema): void => {
    const node = { ...definitions[asked.allOf?.[0]?.$ref.split('/').at(-1) ?? ''], ...asked };
    if (path !== '$') t.truthy(node.description, path);
    if (node.properties === undefined || path === '$.kueue.clusterQueue.quotas') return;
    t.false(node.additionalProperties, `${path}: closed`);
    const given = Object.keys(value as object);
    const known = Object.keys(node.properties).filter((name) => name !== 'global');
    t.deepEqual(given.toSorted(), known.toSorted(), path);
    for (const name of known) {
      walk(`${path}.${name}`, Reflect.get(value as object, name), node.properties[name]!);
    }
  };
  walk('$', values, schema);
});

type Schema = {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
  readonly allOf?: readonly { readonly $ref: string }[];
  readonly definitions?: Readonly<Record<string, Schema>>;
};

test('an operator finds every alert in the documentation, and no other', async (t) => {
  const rules = find(await render('kueue'), 'PrometheusRule', 'kdx-kdexplainer').spec as {
    readonly groups: readonly { readonly rules: readonly { readonly alert: string }[] }[];
  };
  const alerts = rules.groups.flatMap((group) => group.rules.map(({ alert }) => alert));
  t.true(alerts.length >= 12);
  const page = await readFile(join(ROOT, 'docs/operations.md'), 'utf8');
  const documented = new Set(page.match(/\bKdx[A-Z][A-Za-z]+\b/g));
  for (const attribute of Object.keys(SEARCH_ATTRIBUTES)) documented.delete(attribute);
  t.deepEqual([...documented].toSorted(), alerts.toSorted());
});

test('the bundled Temporal has every search attribute, and no other of ours', async (t) => {
  const objects = JSON.stringify(await render('minimal'));
  const given = [...objects.matchAll(/--search-attribute=(\w+)=(\w+)/g)].map(([, name, type]) => [
    ...[name, type],
  ]);
  t.deepEqual(Object.fromEntries(given), SEARCH_ATTRIBUTES);
});

test('no secret is in a rendered object but the one that is made for evaluation', async (t) => {
  const external = await render('external');
  t.deepEqual(
    external.filter(({ kind }) => kind === 'Secret'),
    [],
  );
  const minimal = (await render('minimal')).filter(({ kind }) => kind === 'Secret');
  t.deepEqual(
    minimal.map(({ metadata }) => metadata.name),
    ['kdx-kdexplainer-s3'],
  );
});

test('the check of pods finds what it is for', (t) => {
  const bare = {
    spec: {
      containers: [{ name: 'c', ports: [{ hostPort: 80 }] }],
      volumes: [{ name: 'v', hostPath: { path: '/' } }],
      hostNetwork: true,
    },
  };
  t.is(violations(bare).length, 8);
});
