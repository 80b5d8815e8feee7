import test from 'ava';
import { endOf, stateOf, type JobState } from '../../k8s/classify.ts';
import type { Condition, ContainerState, Job, Pod } from '../../k8s/objects.ts';

const holds = (type: string, reason?: string, message?: string): Condition => ({
  ...{ type, status: 'True' },
  ...(reason === undefined ? {} : { reason }),
  ...(message === undefined ? {} : { message }),
});

function job(conditions: readonly Condition[] = [], suspend = false): Job {
  return { metadata: { name: 'j' }, spec: { suspend }, status: { conditions } };
}

type PodFields = {
  readonly name?: string;
  readonly created?: string;
  readonly deleted?: boolean;
  readonly phase?: string;
  readonly reason?: string;
  readonly conditions?: readonly Condition[];
  readonly state?: ContainerState;
};

function pod(fields: PodFields): Pod {
  const {
    name = 'p',
    created = '2026-01-01T00:00:00Z',
    deleted = false,
    phase = 'Failed',
  } = fields;
  return {
    metadata: {
      ...{ name, creationTimestamp: created },
      ...(deleted ? { deletionTimestamp: '2026-01-01T01:00:00Z' } : {}),
    },
    spec: { nodeName: 'node1' },
    status: {
      phase,
      ...(fields.reason === undefined ? {} : { reason: fields.reason }),
      conditions: fields.conditions ?? [],
      containerStatuses: fields.state === undefined ? [] : [{ name: 'leg', state: fields.state }],
    },
  };
}

const exited = (exitCode: number, reason = 'Error', message = ''): ContainerState => ({
  terminated: { exitCode, reason, message },
});
const waits = (reason: string, message?: string): ContainerState => ({
  waiting: message === undefined ? { reason } : { reason, message },
});

for (const [what, fields, outcome, suspected] of [
  ['exit 0', { state: exited(0, 'Completed') }, 'done'],
  ['exit 64', { state: exited(64) }, 'badSpec'],
  ['exit 65', { state: exited(65) }, 'badData'],
  ['exit 69: the store was away', { state: exited(69) }, 'disrupted'],
  ['exit 70', { state: exited(70) }, 'bug'],
  ['exit 75', { state: exited(75) }, 'stopped'],
  ['exit 76', { state: exited(76) }, 'deviceMemory'],
  ['exit 78', { state: exited(78) }, 'configuration'],
  ['an exit code outside the table', { state: exited(3) }, 'bug'],
  ['a crash in native code (SIGSEGV)', { state: exited(139) }, 'bug'],
  ['OOMKilled', { state: exited(137, 'OOMKilled') }, 'hostMemory'],
  ['137 that nobody owned up to', { state: exited(137) }, 'hostMemory', true],
  ['137 after the grace of a deletion', { state: exited(137), deleted: true }, 'disrupted'],
  ['SIGTERM before the handlers were there', { state: exited(143) }, 'disrupted'],
  [
    'pre-emption by the scheduler, whatever the exit code',
    { state: exited(75), conditions: [holds('DisruptionTarget', 'PreemptionByScheduler')] },
    'disrupted',
  ],
  [
    'eviction through the API',
    { state: exited(143), conditions: [holds('DisruptionTarget', 'EvictionByEvictionAPI')] },
    'disrupted',
  ],
  [
    'a pod of a node that was lost',
    { phase: 'Failed', conditions: [holds('DisruptionTarget', 'DeletionByTaintManager')] },
    'nodeLost',
  ],
  ['refused by the kubelet, no exit code', { reason: 'UnexpectedAdmissionError' }, 'disrupted'],
  ['an image that is not there', { phase: 'Pending', state: waits('ErrImagePull') }, 'imagePull'],
  [
    'a secret that is not there',
    { phase: 'Pending', state: waits('CreateContainerConfigError') },
    'configuration',
  ],
] as const) {
  test(`a pod ends as ${outcome}: ${what}`, (t) => {
    const end = endOf(pod(fields));
    t.is(end.outcome, outcome);
    t.is(end.suspected, suspected);
    t.is(end.node, 'node1');
  });
}

test('the end of a pod quotes the last line of its termination message', (t) => {
  const state = exited(70, 'Error', '{"msg":"start"}\n{"code":"CodeBug","msg":"no such layer"}\n');
  t.is(endOf(pod({ state })).detail, 'exit 70 (Error): {"code":"CodeBug","msg":"no such layer"}');
});

const RUNNING = pod({ phase: 'Running', state: { running: {} } });
const UNSCHEDULED: Condition = {
  ...{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' },
  message: '0/4 nodes are available: insufficient nvidia.com/gpu',
};

for (const [what, of, pods, expected] of [
  ['without a pod yet', job(), [], { phase: 'waiting', cause: 'starting' }],
  ['suspended by Kueue', job([], true), [], { phase: 'waiting', cause: 'queued' }],
  [
    'that no node has room for',
    job(),
    [pod({ phase: 'Pending', conditions: [UNSCHEDULED] })],
    { phase: 'waiting', cause: 'unschedulable', detail: UNSCHEDULED.message },
  ],
  [
    'whose image is being refused',
    job(),
    [pod({ phase: 'Pending', state: waits('ImagePullBackOff', 'Back-off') })],
    { phase: 'waiting', cause: 'image', detail: 'ImagePullBackOff: Back-off' },
  ],
  ['whose pod runs', job(), [RUNNING], { phase: 'running', pod: RUNNING }],
  [
    'whose pod is being deleted, though Kueue has suspended it',
    job([], true),
    [pod({ phase: 'Running', deleted: true })],
    { phase: 'ending' },
  ],
  [
    'whose disrupted pod is about to be replaced',
    job(),
    [pod({ conditions: [holds('DisruptionTarget', 'PreemptionByScheduler')] })],
    { phase: 'ending' },
  ],
  [
    'whose replacement runs beside the disrupted pod',
    job(),
    [pod({ name: 'new', created: '2026-01-02T00:00:00Z', phase: 'Running' }), pod({ name: 'old' })],
    { phase: 'running' },
  ],
] as const satisfies readonly (readonly [string, Job, readonly Pod[], object])[]) {
  test(`a Job ${what} is ${(expected as JobState).phase}`, (t) => {
    t.like(stateOf(of, pods), expected);
  });
}

test('a complete Job is done, with or without its pods', (t) => {
  t.like(stateOf(job([holds('Complete')]), []), { phase: 'ended', end: { outcome: 'done' } });
});

test('a failed Job ended as its last pod did', (t) => {
  const pods = [
    pod({ name: 'b', created: '2026-01-02T00:00:00Z', state: exited(70) }),
    pod({ name: 'a', conditions: [holds('DisruptionTarget', 'PreemptionByScheduler')] }),
  ];
  t.like(stateOf(job([holds('Failed', 'PodFailurePolicy')]), pods), {
    phase: 'ended',
    end: { outcome: 'bug' },
  });
});

test('a failed Job whose pods are gone is a disruption, in the words of the Job', (t) => {
  const failed = holds('Failed', 'BackoffLimitExceeded', 'it failed too often');
  t.deepEqual(stateOf(job([failed]), []), {
    phase: 'ended',
    end: { outcome: 'disrupted', detail: 'BackoffLimitExceeded: it failed too often' },
  });
});
