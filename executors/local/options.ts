import type { Leases } from '../../leg/ports.ts';

export type LocalExecutorOptions = {
  /** The program that runs a leg, e.g. `[process.execPath, 'bin/trainer.ts']`. */
  readonly command: readonly [string, ...string[]];
  /** What a leg's process may know: the store, caches, paths. Nothing else is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  readonly logFolder: string;
  readonly leases: Leases;
  /**
   * Keeps the end of a process's log in the store where the process itself has not kept the whole of it;
   * returns the object's name. Absent: nowhere.
   */
  readonly keepLogTail?: (
    key: string,
    process: string,
    readTail: () => Uint8Array | Promise<Uint8Array>,
  ) => Promise<string>;
  /** Processes at once by kind of device; absent: no bound. */
  readonly slots?: Readonly<Record<'cpu' | 'cuda', number>>;
  /** Between two renewals of a lease. */
  readonly progressSeconds?: number;
  /** One of these files is there where this machine has a CUDA device. */
  readonly cudaFiles?: readonly string[];
  readonly stopGraceSeconds?: number;
  readonly stallSeconds?: number;
};
