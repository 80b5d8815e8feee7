import type { ExecutionContext } from 'ava';
import { openBoard } from '../../k8s/board.ts';
import { createKubernetesExecutor } from '../../k8s/executor.ts';
import type { FollowLimits } from '../../k8s/follow.ts';
import { jobName } from '../../k8s/names.ts';
import type { JobSettings } from '../../k8s/settings.ts';
import { EXIT } from '../../leg/outcome.ts';
import type { LegEnd, LegWord } from '../../leg/ports.ts';
import { DEFAULT_RESOURCES, type Leg, type TrainSpec } from '../../leg/spec.ts';
import { openLeases } from '../../stores/leases.ts';
import { keepLogTail } from '../../stores/logs.ts';
import { checkpointPrefix } from '../../stores/names.ts';
import { canonicalJson, digestJson } from '../../study/canonical.ts';
import { studentSpec } from '../bin/trainer/specs.ts';
import { openBucket, type LegBucket, type LegOutcome } from '../bin/trainer/world.ts';
import type { TestS3 } from '../servers/s3.ts';
import { eventually } from '../servers/stack.ts';
import { connect, jobSettings, openNamespace, type Namespace } from './world.ts';

/** A namespace, a bucket, and an executor that runs single legs there as Jobs. */
export type LegPlace = {
  readonly home: Namespace;
  readonly bucket: LegBucket;
  /** Runs a training as a Job, as the trial does. */
  run(spec: TrainSpec, options?: RunOptions): Promise<LegEnd>;
  /** Resolves once a training has left its first checkpoint. */
  checkpointed(spec: TrainSpec): Promise<void>;
  /** What a process of this machine leaves for it, in a bucket of its own. */
  runHere(spec: TrainSpec): Promise<LegOutcome>;
};

export type RunOptions = {
  readonly memoryMiB?: number;
  readonly report?: (word: LegWord) => void;
};

export type PlaceOptions = {
  readonly settings?: Partial<JobSettings>;
  readonly limits?: Partial<FollowLimits>;
};

const api = connect();

/** @param name of its bucket, unique on the server */
export async function openPlace(
  t: ExecutionContext,
  server: TestS3,
  name: string,
  { settings = {}, limits = {} }: PlaceOptions = {},
): Promise<LegPlace> {
  const home = await openNamespace(api, 'leg');
  t.teardown(() => home.remove());
  const bucket = await openBucket(server.s3(name));
  const { store } = bucket;
  await home.putSecret(bucket.s3);
  const warn = (message: string): void => t.log(message);
  const board = openBoard({ api, namespace: home.name, warn });
  t.teardown(() => board.close());
  const leases = openLeases(store);
  const executor = createKubernetesExecutor({
    ...{ api, board, limits, warn },
    settings: { ...jobSettings(home.name, bucket.s3), ...settings },
    readLease: (key, pod) => leases.read(key, pod),
    keepLogTail: (key, pod, readTail) => keepLogTail(store, key, pod, readTail),
  });
  return {
    ...{ home, bucket },
    run: async (
      spec,
      { memoryMiB = DEFAULT_RESOURCES.memoryMiB, report = () => undefined } = {},
    ) => {
      const leg = await putLeg(bucket, spec, memoryMiB);
      const started = performance.now();
      const end = await executor.run(leg, { signal: new AbortController().signal, report });
      t.log(`${jobName(leg)}: ${Math.round(performance.now() - started)} ms, ${end.detail}`);
      return end;
    },
    checkpointed: async (spec) => {
      const prefix = checkpointPrefix(digestJson(spec));
      await eventually('a checkpoint', async () => {
        return (await store.list(prefix)).some((object) => object.endsWith('.json'));
      });
    },
    runHere: async (spec) => {
      const here = await openBucket(server.s3(`${name}-here`));
      t.is((await here.run(spec)).code, EXIT.done);
      return await here.outcome(spec);
    },
  };
}

/** A launch, as the trial makes it. */
async function putLeg({ store }: LegBucket, spec: TrainSpec, memoryMiB: number): Promise<Leg> {
  const leg: Leg = {
    ...{ key: digestJson(spec), spec, trial: 't', study: 's', run: '0a1b2c3d', launch: 0 },
    resources: { memoryMiB },
  };
  await store.putBlob(new TextEncoder().encode(canonicalJson(leg)));
  return leg;
}

/** A training that is still at work when something happens to it. */
export function longSpec(epochs = 60): TrainSpec {
  const { train } = studentSpec();
  return studentSpec({ train: { ...train, epochs } });
}

/** Exit codes of the pods of a launch, oldest first. */
export function exitsOf({ processes }: LegEnd): readonly (number | string | undefined)[] {
  return processes.map(({ exit }) => exit);
}
