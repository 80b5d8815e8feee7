import type { KubeApi } from '../../k8s/api.ts';
import { GPU, provide, withdraw } from './world.ts';

/** Name of the classes that come before any leg. */
export const IMPORTANT = 'kdx-test-important';
const QUEUE = 'kdx-test';
const KUEUE = '/apis/kueue.x-k8s.io/v1beta2';

/** A queue `legs` with one device, whose more important workloads come first. Returns what removes it. */
export async function provideQueue(api: KubeApi, namespace: string): Promise<() => Promise<void>> {
  const make = (kind: string, path: string, body: object): Promise<void> =>
    provide(api, `${KUEUE}/${path}`, { apiVersion: 'kueue.x-k8s.io/v1beta2', kind, ...body });
  await make('ResourceFlavor', 'resourceflavors', { metadata: { name: QUEUE }, spec: {} });
  await make('WorkloadPriorityClass', 'workloadpriorityclasses', {
    ...{ metadata: { name: IMPORTANT }, value: 1000 },
    description: 'A test',
  });
  const quota = { cpu: '8', memory: '16Gi', [GPU]: '1' };
  const resources = Object.entries(quota).map(([name, nominalQuota]) => ({ name, nominalQuota }));
  await make('ClusterQueue', 'clusterqueues', {
    metadata: { name: QUEUE },
    spec: {
      namespaceSelector: {},
      preemption: { withinClusterQueue: 'LowerPriority' },
      resourceGroups: [
        { coveredResources: Object.keys(quota), flavors: [{ name: QUEUE, resources }] },
      ],
    },
  });
  await make('LocalQueue', `namespaces/${namespace}/localqueues`, {
    metadata: { name: 'legs' },
    spec: { clusterQueue: QUEUE },
  });
  return async () => {
    await withdraw(api, `${KUEUE}/clusterqueues`, QUEUE);
    await withdraw(api, `${KUEUE}/resourceflavors`, QUEUE);
    await withdraw(api, `${KUEUE}/workloadpriorityclasses`, IMPORTANT);
  };
}
