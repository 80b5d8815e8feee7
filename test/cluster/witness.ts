import type { KubeApi } from '../../k8s/api.ts';
import { provide, withdraw } from './world.ts';

const NAME = 'kdx-test-witness';
const NODES = '/api/v1/nodes';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
const RENEWAL_MILLISECONDS = 5000;

/**
 * A second node that runs nothing and is always well: where every node of a zone is lost, Kubernetes takes
 * its own network for broken and evicts nobody. Returns what removes it.
 */
export async function provideWitness(api: KubeApi): Promise<() => Promise<void>> {
  const metadata = { name: NAME };
  const node = { apiVersion: 'v1', kind: 'Node', metadata, spec: { unschedulable: true } };
  await provide(api, NODES, node);
  await provide(api, LEASES, {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    ...{ metadata, spec: { holderIdentity: NAME, leaseDurationSeconds: 40 } },
  });
  const patch = async (path: string, body: object): Promise<void> => {
    const contentType = 'application/merge-patch+json';
    await api.request({ method: 'PATCH', path, body, contentType });
  };
  const renew = async (): Promise<void> => {
    const now = new Date().toISOString();
    const ready = { type: 'Ready', status: 'True', reason: 'Test', message: 'a test says so' };
    const times = { lastHeartbeatTime: now.replace(/\.\d+/, '') };
    await patch(`${NODES}/${NAME}/status`, { status: { conditions: [{ ...ready, ...times }] } });
    // The API takes microseconds here.
    await patch(`${LEASES}/${NAME}`, { spec: { renewTime: now.replace('Z', '000Z') } });
  };
  await renew();
  const renewals = setInterval(() => {
    renew().catch(() => undefined);
  }, RENEWAL_MILLISECONDS);
  return async () => {
    clearInterval(renewals);
    await withdraw(api, LEASES, NAME);
    await withdraw(api, NODES, NAME);
  };
}
