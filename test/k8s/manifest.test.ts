import test from 'ava';
import { jobManifest } from '../../k8s/manifest.ts';
import { jobName, labelValue } from '../../k8s/names.ts';
import type { Flavour, JobSettings } from '../../k8s/settings.ts';
import type { Leg } from '../../leg/spec.ts';

const DIGEST = 'cd'.repeat(32);

const CPU: Flavour = { name: 'cpu', device: 'cpu', cpu: '2', memoryCapMiB: 8192 };
const MIG: Flavour = {
  ...{ name: 'small', device: 'cuda', resource: 'nvidia.com/mig-1g.10gb', cpu: '4' },
  memoryCapMiB: 32_768,
  nodeSelector: { 'nvidia.com/mig.strategy': 'mixed' },
  tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
  topology: 'kubernetes.io/hostname',
};
const SETTINGS: JobSettings = {
  ...{ namespace: 'kdx', image: 'kdx/trainer@sha256:0', flavours: [CPU, MIG] },
  store: { endpoint: 'http://minio:9000', bucket: 'kdx', secret: 'kdx-s3' },
  ...{ graceSeconds: 120, keepSeconds: 86_400, checkpointSeconds: 60, cacheMiB: 2048 },
};
const SPEC = { kind: 'train', device: { kind: 'cpu' } } as unknown as Leg['spec'];
const LEG: Leg = {
  ...{ key: 'ab'.repeat(32), run: '0123abcd', launch: 2, spec: SPEC },
  ...{ study: 'digits', trial: 'sweep/resnet8/KD+VAM/s1029', resources: { memoryMiB: 1536 } },
};

type Tree = { readonly [field: string]: Tree } & readonly Tree[];
type Parts = Partial<Leg> & { readonly flavour?: Flavour };
const build = ({ flavour = CPU, ...leg }: Parts = {}, settings: Partial<JobSettings> = {}): Tree =>
  jobManifest(
    { leg: { ...LEG, ...leg }, digest: DIGEST, flavour },
    { ...SETTINGS, ...settings },
  ) as unknown as Tree;
/** A leaf, whatever it is. */
const leaf = (tree: Tree | undefined): unknown => tree;
const podOf = (job: Tree): Tree => job.spec!.template!.spec!;
const containerOf = (job: Tree): Tree => podOf(job).containers![0]!;
const variable = (job: Tree, name: string): unknown =>
  (containerOf(job).env as unknown as { name: string }[]).find((entry) => entry.name === name);

test('the name tells kind, key, run and launch, and is the same each time', (t) => {
  t.is(jobName(LEG), 'kdx-train-abababababababab-0123abcd-n2');
  t.deepEqual(build(), build());
  t.true(jobName({ ...LEG, launch: 99_999_999 }).length <= 63);
});

test('a disruption is ignored, 75 counts against a limit, every other exit code fails the Job', (t) => {
  const { podFailurePolicy, backoffLimit, podReplacementPolicy } = build().spec!;
  t.deepEqual(leaf(podFailurePolicy), {
    rules: [
      { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
      {
        action: 'FailJob',
        onExitCodes: { containerName: 'leg', operator: 'NotIn', values: [75] },
      },
    ],
  });
  t.is(leaf(backoffLimit), 3);
  t.is(leaf(podReplacementPolicy), 'Failed');
});

test('the pod passes the restricted standard and has no identity in the cluster', (t) => {
  const pod = podOf(build());
  t.is(leaf(pod.automountServiceAccountToken), false);
  t.like(pod.securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  t.deepEqual(leaf(containerOf(build()).securityContext), {
    ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
    capabilities: { drop: ['ALL'] },
  });
  const allowed = ['emptyDir', 'secret', 'persistentVolumeClaim'];
  for (const volume of podOf(build({}, { datasetClaim: 'data' })).volumes!) {
    t.true(
      allowed.some((kind) => kind in volume),
      JSON.stringify(volume),
    );
  }
});

test('the pod is told its leg, its own uid and the store, and gets credentials as files alone', (t) => {
  const job = build();
  t.like(variable(job, 'KDX_LEG'), { value: DIGEST });
  t.like(variable(job, 'KDX_PROCESS'), {
    valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } },
  });
  t.notRegex(JSON.stringify(containerOf(job).env), /secretKeyRef|ACCESS_KEY|SECRET_KEY/);
  t.like(podOf(job).volumes![0], { secret: { secretName: 'kdx-s3', defaultMode: 0o440 } });
});

test('memory is asked for as it is limited; a device is asked for by the name of its flavour', (t) => {
  t.deepEqual(leaf(containerOf(build()).resources), {
    requests: { cpu: '2', memory: '1536Mi' },
    limits: { memory: '1536Mi' },
  });
  const job = build({ flavour: MIG, resources: { memoryMiB: 4096 } });
  t.deepEqual(leaf(containerOf(job).resources), {
    requests: { cpu: '4', memory: '4096Mi', 'nvidia.com/mig-1g.10gb': 1 },
    limits: { memory: '4096Mi', 'nvidia.com/mig-1g.10gb': 1 },
  });
  t.deepEqual(leaf(podOf(job).tolerations), MIG.tolerations);
  t.deepEqual(leaf(podOf(job).nodeSelector), MIG.nodeSelector);
  t.like(job.spec!.template!.metadata!.annotations, {
    'kueue.x-k8s.io/podset-required-topology': 'kubernetes.io/hostname',
  });
});

test('queue and priorities are by kind of leg, and only where the operator has them', (t) => {
  const labels = (job: Tree): Tree => job.metadata!.labels!;
  t.false('kueue.x-k8s.io/queue-name' in labels(build()));
  t.false('suspend' in build().spec!);
  const queued = build({}, { queue: 'gpus', queuePriorities: { train: 'kdx-sweep' } });
  t.like(labels(queued), {
    'kueue.x-k8s.io/queue-name': 'gpus',
    'kueue.x-k8s.io/priority-class': 'kdx-sweep',
  });
  t.is(leaf(podOf(build({}, { priorities: { train: 'low' } })).priorityClassName), 'low');
  t.false('priorityClassName' in podOf(build({}, { priorities: { teach: 'high' } })));
});

test('labels hold what a label can, annotations the whole', (t) => {
  const { labels, annotations } = build().metadata!;
  t.regex(String(labels!['kdx.dev/trial']), /^sweep_resnet8_KD_VAM_s1029-[0-9a-f]{8}$/);
  t.is(leaf(annotations!['kdx.dev/trial']), LEG.trial);
  t.is(leaf(annotations!['kdx.dev/leg']), DIGEST);
});

for (const text of ['', 'a', '-a', 'a.', 'x'.repeat(63), 'x'.repeat(64), 'Köln/β', '..', 'a b']) {
  test(`the label of ${JSON.stringify(text)} is allowed`, (t) => {
    t.regex(labelValue(text), /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/);
  });
}

test('texts that differ only in what a label cannot hold get different labels', (t) => {
  const labels = ['a/b', 'a b', 'a_b', `${'x'.repeat(64)}1`, `${'x'.repeat(64)}2`].map(labelValue);
  t.is(new Set(labels).size, labels.length);
});

test('hosts on which the leg has failed are avoided where others are, beside the own rules', (t) => {
  const own = { weight: 1, preference: { matchExpressions: [] } };
  const affinity = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [own] } };
  const job = build({ flavour: { ...CPU, affinity }, avoidHosts: ['node7'] });
  const elsewhere = {
    weight: 100,
    preference: {
      matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'NotIn', values: ['node7'] }],
    },
  };
  t.deepEqual(leaf(podOf(job).affinity), {
    nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [own, elsewhere] },
  });
});
