import { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createBenchmarkActivities } from '../../activities/benchmark.ts';
import { createCollectActivities } from '../../activities/collect.ts';
import { createLegActivities } from '../../activities/leg.ts';
import type { CatalogPort } from '../../activities/ports.ts';
import { createRecordActivities } from '../../activities/record.ts';
import { createReportActivities } from '../../activities/report.ts';
import { openSearchable } from '../../activities/searchable.ts';
import { createStudyActivities } from '../../activities/study.ts';
import type { Environment } from '../../environment/environment.ts';
import type { WorkerRoles } from '../../environment/roles.ts';
import { ROOT } from '../../environment/root.ts';
import { progressSeconds } from '../../environment/trainer.ts';
import { legDevices, legEnvironment, legSlots } from '../../environment/worker.ts';
import { createLocalExecutor } from '../../executors/local/executor.ts';
import { placesIn } from '../../k8s/places.ts';
import type { JobSettings } from '../../k8s/settings.ts';
import { KdxError } from '../../leg/errors.ts';
import { legQueue, poolQueue } from '../../leg/queues.ts';
import { LOCAL_PLACE } from '../../leg/spec.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { publishDigits, requireManifest } from '../../stores/datasets.ts';
import { openLeases } from '../../stores/leases.ts';
import { keepLogTail } from '../../stores/logs.ts';
import { openS3Store } from '../../stores/s3.ts';
import { openTracking } from '../../stores/tracking.ts';
import type { CodeIndex } from '../../study/code.ts';
import { manifestDigest } from '../../study/dataset-manifest.ts';
import { workflowBundle } from './bundle.ts';
import { drawInProcess } from './report-process.ts';
import type { LegQueue, Served } from './workers.ts';

/** A step, a checkpoint and its upload fit into it. */
const LEG_STOP_SECONDS = 120;
/** A leg takes the one GPU that its process sees. */
const GPU_LEG_SLOTS = 1;
/** A Job's watcher does nothing but wait, and there are thousands. */
const JOB_HEARTBEAT_SECONDS = 10;

export type Part = {
  readonly environment: Environment;
  readonly connection: NativeConnection;
  readonly variables: NodeJS.ProcessEnv;
  readonly roles: WorkerRoles;
  /** Absent: there is no cluster. */
  readonly settings: JobSettings | undefined;
};

/** Puts together what the roles of this worker serve, and nothing of the others. */
export async function serveRoles(
  part: Part,
): Promise<{ readonly served: Served; readonly close: () => Promise<void> }> {
  const artifacts = openS3Store(part.environment.s3);
  const has = (role: WorkerRoles['roles'][number]): boolean => part.roles.roles.includes(role);
  const local = beside(part, artifacts);
  const cluster = has('jobs') ? await jobs(part, artifacts) : undefined;
  const served: Served = {
    ...(has('workflows')
      ? {
          workflows: {
            ...studies(part, artifacts),
            stopLeg: local.stopLeg,
            bundle: await workflowBundle(),
          },
        }
      : {}),
    ...(has('legs')
      ? {
          legs: {
            runLeg: local.runLeg,
            queues: legQueues(part),
            stopSeconds: LEG_STOP_SECONDS + 10,
          },
        }
      : {}),
    ...(cluster === undefined ? {} : { jobs: cluster.activities }),
    ...(has('reports') ? { reports: reports(part) } : {}),
    ...(has('records') ? { records: records(part, artifacts) } : {}),
  };
  return { served, close: async () => cluster?.close() };
}

/** A pod of a pool takes the legs of its flavour; any other worker those of the devices it has. */
function legQueues({ variables, roles: { poolFlavour } }: Part): readonly LegQueue[] {
  if (poolFlavour !== undefined) return [{ name: poolQueue(poolFlavour), slots: 1 }];
  return legDevices(variables).map((device) => ({
    name: legQueue(device),
    slots: device === 'cuda' ? GPU_LEG_SLOTS : legSlots(variables),
  }));
}

/** Legs as processes beside this worker. Where it runs none, it still ends those of others, by their lease. */
function beside({ environment, variables }: Part, artifacts: ArtifactStore) {
  const executor = createLocalExecutor({
    command: [process.execPath, join(ROOT, 'bin', PROGRAMS.trainer)],
    environment: legEnvironment(variables),
    logFolder: join(environment.stateDir, 'logs/legs'),
    stopGraceSeconds: LEG_STOP_SECONDS,
    leases: openLeases(artifacts),
    keepLogTail: (key, process, readTail) => keepLogTail(artifacts, key, process, readTail),
    slots: { cpu: legSlots(variables), cuda: GPU_LEG_SLOTS },
    progressSeconds: progressSeconds(variables),
  });
  return createLegActivities({ artifacts, executor });
}

/** Compiled programs have another ending. */
const ENDING = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const PROGRAMS = { trainer: `trainer.${ENDING}`, reporter: `reporter.${ENDING}` } as const;

async function jobs({ settings }: Part, artifacts: ArtifactStore) {
  if (settings === undefined) throw new KdxError('Configuration', 'KDX_CLUSTER_FILE: not set');
  // Only a worker with this role needs Kubernetes' client.
  const { openCluster } = await import('./cluster.ts');
  const { executor, janitor, close } = openCluster(settings, artifacts);
  const heartbeatSeconds = JOB_HEARTBEAT_SECONDS;
  const legs = createLegActivities({ artifacts, executor, heartbeatSeconds });
  return { activities: { ...legs, ...janitor }, close };
}

function studies({ environment, connection, settings }: Part, artifacts: ArtifactStore) {
  const catalog: CatalogPort = {
    places: (device) => (settings === undefined ? [LOCAL_PLACE] : placesIn(settings, device)),
    readCodeIndex,
    dataset: async (name) => {
      if (name === 'digits') return { digest: await publishDigits(artifacts, ROOT) };
      const manifest = await requireManifest(artifacts, name);
      const digest = manifestDigest(manifest);
      return manifest.info === undefined ? { digest } : { digest, info: manifest.info };
    },
  };
  const temporal = new Client({ connection, namespace: environment.temporal.namespace });
  return {
    ...createStudyActivities({
      ...{ artifacts, catalog, temporal },
      searchable: openSearchable(
        connection.operatorService,
        environment.temporal.namespace,
        (message) => void process.stderr.write(`worker: ${message}\n`),
      ),
    }),
    ...createBenchmarkActivities({ artifacts, catalog }),
    ...createCollectActivities({ artifacts, temporal }),
  };
}

function reports({ variables }: Part) {
  return createReportActivities(
    drawInProcess({
      command: [process.execPath, join(ROOT, 'bin', PROGRAMS.reporter)],
      environment: legEnvironment(variables),
    }),
  );
}

function records({ environment }: Part, artifacts: ArtifactStore) {
  const tracking = openTracking({
    url: environment.mlflowUrl,
    credentials: environment.mlflowCredentials,
  });
  return createRecordActivities({ artifacts, tracking });
}

async function readCodeIndex(): Promise<CodeIndex> {
  const path = join(ROOT, 'learning/code.json');
  try {
    return JSON.parse(await readFile(path, 'utf8')) as CodeIndex;
  } catch (cause) {
    throw new KdxError('Configuration', `${path} cannot be read; run: kdx up`, { cause });
  }
}
