import { KdxError } from '../leg/errors.ts';
import { type ROLE_NAMES, type Variables } from './variables.ts';

/**
 * What a worker does.
 * - `workflows`: studies and trials, and their short activities
 * - `legs`: runs legs as processes beside it
 * - `jobs`: runs legs as Kubernetes Jobs, and waits for them
 * - `reports`: draws reports
 * - `records`: writes to MLflow
 */
export type Role = (typeof ROLE_NAMES)[number];

/** All that needs no cluster: the one worker of a laptop. */
const DEFAULT_ROLES: readonly Role[] = ['workflows', 'legs', 'reports', 'records'];

/** Roles of this worker, and what they need beside the servers. */
export type WorkerRoles = {
  readonly roles: readonly Role[];
  /** JSON file with the settings of the cluster; absent: legs run beside workers only. */
  readonly clusterFile?: string;
  /** Of a pod of a pool: the flavour whose legs it takes. */
  readonly poolFlavour?: string;
};

/** @throws KdxError Configuration where a role lacks what it needs */
export function readRoles(variables: Variables): WorkerRoles {
  const list = variables['KDX_ROLES'];
  const roles = list === undefined ? DEFAULT_ROLES : (list.split(',') as Role[]);
  const { KDX_CLUSTER_FILE: clusterFile, KDX_POOL_FLAVOUR: poolFlavour } = variables;
  if (roles.includes('jobs') && clusterFile === undefined) {
    throw new KdxError('Configuration', 'KDX_CLUSTER_FILE: not set; the role jobs needs it');
  }
  if (poolFlavour !== undefined && !roles.includes('legs')) {
    const message = 'KDX_POOL_FLAVOUR: set without the role legs, which alone reads it';
    throw new KdxError('Configuration', message);
  }
  return {
    roles,
    ...(clusterFile === undefined ? {} : { clusterFile }),
    ...(poolFlavour === undefined ? {} : { poolFlavour }),
  };
}

/** Ports that a worker answers on; absent: none. */
export function readPorts(variables: Variables): {
  readonly metricsPort?: number;
  readonly healthPort?: number;
} {
  const { KDX_METRICS_PORT: metrics, KDX_HEALTH_PORT: health } = variables;
  return {
    ...(metrics === undefined ? {} : { metricsPort: Number(metrics) }),
    ...(health === undefined ? {} : { healthPort: Number(health) }),
  };
}
