import { KubeConfig } from '@kubernetes/client-node';
import { errorText, KdxError } from '../../leg/errors.ts';
import type { JanitorActivities } from '../../activities/contract.ts';
import type { Executor } from '../../leg/ports.ts';
import { openKubeApi } from '../../k8s/api.ts';
import { openBoard } from '../../k8s/board.ts';
import { createKubernetesExecutor } from '../../k8s/executor.ts';
import { endJobs, listLiveLegs } from '../../k8s/live-legs.ts';
import type { JobSettings } from '../../k8s/settings.ts';
import { openLeases } from '../../stores/leases.ts';
import { keepLogTail } from '../../stores/logs.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';

type Cluster = {
  readonly executor: Executor;
  readonly janitor: JanitorActivities;
  readonly close: () => Promise<void>;
};

/** Legs as Jobs of the cluster that `KUBECONFIG` names, else of the one that this pod is in. */
export function openCluster(settings: JobSettings, artifacts: ArtifactStore): Cluster {
  const api = openKubeApi(loadConfig());
  const warn = (message: string): void => void process.stderr.write(`worker: ${message}\n`);
  const board = openBoard({ api, namespace: settings.namespace, warn });
  const leases = openLeases(artifacts);
  const executor = createKubernetesExecutor({
    ...{ api, board, settings, warn },
    readLease: (key, pod) => leases.read(key, pod),
    keepLogTail: (key, pod, readTail) => keepLogTail(artifacts, key, pod, readTail),
  });
  const janitor: JanitorActivities = {
    listLiveLegs: (after) => listLiveLegs(api, settings, after),
    removeLegs: (jobs) => endJobs(api, settings.namespace, jobs),
  };
  return { executor, janitor, close: () => board.close() };
}

function loadConfig(): KubeConfig {
  const config = new KubeConfig();
  try {
    config.loadFromDefault();
  } catch (cause) {
    const message = `KUBECONFIG: the cluster's configuration cannot be read: ${errorText(cause)}`;
    throw new KdxError('Configuration', message, { cause });
  }
  return config;
}
