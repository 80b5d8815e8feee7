export const SERVICE_NAMES = ['temporal', 's3', 'mlflow', 'worker'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

/** One server of the stack: how it is started, when it is ready, how long it may take to stop. */
export type Service = {
  readonly name: ServiceName;
  readonly program: string;
  readonly args: readonly string[];
  /**
   * Where it is started. Paths of the stack are given to it relative to this folder: no character of
   * the user's path can then be taken for a part of a URI or of a list.
   */
  readonly folder: string;
  /** Its whole environment beside `serverEnvironment`. */
  readonly env: Readonly<Record<string, string>>;
  /** Shown to the user. */
  readonly address: string;
  readonly after: readonly ServiceName[];
  readonly readyWithinSeconds: number;
  readonly graceSeconds: number;
  /** Resolves when the server does its work, throws while it does not. Safe to repeat. */
  probe(pid: number): Promise<void>;
};

/** Where a server stands, as `kdx status` shows it. */
export type ServiceState = {
  readonly name: ServiceName;
  readonly address: string;
  readonly state: 'waiting' | 'starting' | 'ready' | 'restarting' | 'stopped';
  readonly pid?: number;
  readonly startTicks?: string;
  readonly restarts: number;
  /** Why it last died or was not ready in time. */
  readonly cause?: string;
  readonly log: string;
};

/** How a server is started, without what makes it a part of the stack. */
export type Command = Pick<Service, 'program' | 'args' | 'folder' | 'env'>;
