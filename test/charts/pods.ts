import type { KubeObject } from './helm.ts';

type Security = {
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly seccompProfile?: { readonly type: string };
  readonly allowPrivilegeEscalation?: boolean;
  readonly privileged?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
};

export type Container = {
  readonly name: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly hostPort?: number }[];
  readonly securityContext?: Security;
};

export type PodTemplate = {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly automountServiceAccountToken?: boolean;
    readonly securityContext?: Security;
    readonly volumes?: readonly Readonly<Record<string, unknown>>[];
    readonly hostNetwork?: boolean;
    readonly hostPID?: boolean;
    readonly hostIPC?: boolean;
  };
};

/** The pods that rendered objects make, by the object's kind and name. */
export function podsOf(objects: readonly KubeObject[]): ReadonlyMap<string, PodTemplate> {
  const pods = new Map<string, PodTemplate>();
  for (const { kind, metadata, spec } of objects) {
    const template = kind === 'Pod' ? { metadata, spec } : spec?.['template'];
    if (template !== undefined) pods.set(`${kind} ${metadata.name}`, template as PodTemplate);
  }
  return pods;
}

const VOLUMES = [
  ...['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim'],
  ...['projected', 'secret'],
];

/**
 * What the standard "restricted" of Kubernetes' Pod Security, of version 1.37, forbids in a pod. Ours asks
 * for one thing more: a root file system that cannot be written.
 */
export function violations({ spec }: PodTemplate): readonly string[] {
  const pod = spec.securityContext ?? {};
  const found = [...(spec.initContainers ?? []), ...spec.containers].flatMap((container) =>
    containerViolations(container, pod).map((what) => `${container.name}: ${what}`),
  );
  for (const [name, shares] of Object.entries({
    hostNetwork: spec.hostNetwork,
    hostPID: spec.hostPID,
    hostIPC: spec.hostIPC,
  })) {
    if (shares === true) found.push(name);
  }
  for (const volume of spec.volumes ?? []) {
    const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'none';
    if (!VOLUMES.includes(kind)) found.push(`volume ${String(volume['name'])}: ${kind}`);
  }
  return found;
}

function containerViolations(container: Container, pod: Security): readonly string[] {
  const own = container.securityContext ?? {};
  const { runAsNonRoot, runAsUser, seccompProfile } = { ...pod, ...own };
  const profile = seccompProfile?.type ?? 'none';
  const checks: Readonly<Record<string, boolean>> = {
    'may run as root': runAsNonRoot === true && runAsUser !== 0,
    [`seccomp profile ${profile}`]: ['RuntimeDefault', 'Localhost'].includes(profile),
    'may gain privileges': own.allowPrivilegeEscalation === false && own.privileged !== true,
    'keeps capabilities': own.capabilities?.drop?.includes('ALL') === true,
    'adds capabilities': (own.capabilities?.add ?? []).length === 0,
    'takes a port of the host': (container.ports ?? []).every(({ hostPort }) => !hostPort),
    'may write its root file system': own.readOnlyRootFilesystem === true,
  };
  return Object.entries(checks).flatMap(([what, isFine]) => (isFine ? [] : [what]));
}
