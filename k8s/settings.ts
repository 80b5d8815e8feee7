/** Kubernetes' affinity, as far as we add to it. */
type Affinity = {
  readonly nodeAffinity?: {
    readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly object[];
  };
};

/** A kind of node pool that legs can run on, as the operator describes it. */
export type Flavour = {
  readonly name: string;
  readonly device: 'cpu' | 'cuda';
  /** Extended resource of one device, e.g. `nvidia.com/gpu` or `nvidia.com/mig-1g.10gb`; none on CPUs. */
  readonly resource?: string;
  /** CPU cores that a leg asks for, as Kubernetes writes them: `2`, `500m`. */
  readonly cpu: string;
  /** Most host memory that a leg may be given here. */
  readonly memoryCapMiB: number;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly object[];
  readonly affinity?: Affinity;
  readonly runtimeClassName?: string;
  /** Kueue's topology that the pod must fit into, e.g. `cloud.provider.com/rack`. */
  readonly topology?: string;
};

/** Everything about the cluster that the Job of a leg depends on. */
export type JobSettings = {
  readonly namespace: string;
  readonly image: string;
  readonly imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  readonly imagePullSecrets?: readonly string[];
  /** In the order of size: after a leg has run out of device memory, the next one is taken. */
  readonly flavours: readonly Flavour[];
  /** Flavours that a pool of pods serves, each pod a worker; absent: there is no pool. */
  readonly pool?: readonly string[];
  readonly store: {
    /** `http(s)://host[:port]` as pods reach it. */
    readonly endpoint: string;
    readonly bucket: string;
    /** Secret with the keys `accessKey` and `secretKey`; mounted as files. */
    readonly secret: string;
  };
  /** Kueue's local queue; absent: Jobs are not queued. */
  readonly queue?: string;
  /** Kueue's workload priority class by kind of leg. */
  readonly queuePriorities?: Readonly<Record<string, string>>;
  /** Kubernetes' priority class by kind of leg. */
  readonly priorities?: Readonly<Record<string, string>>;
  /** Between SIGTERM and SIGKILL: a step and a checkpoint fit into it. */
  readonly graceSeconds: number;
  /** How long a finished Job stays for people to look at. */
  readonly keepSeconds: number;
  readonly checkpointSeconds: number;
  /** Claim with datasets by digest, read only; absent: a cache in the pod. */
  readonly datasetClaim?: string;
  readonly cacheMiB: number;
  /** Labels and annotations of the operator, put on Jobs and pods. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
};
