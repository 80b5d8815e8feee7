import { isLive } from '../../leg/lease.ts';
import type { LegPorts, Leases } from '../../leg/ports.ts';
import type { Outcome } from '../../leg/outcome.ts';
import type { Lease, Position, Progress } from '../../leg/result.ts';
import { stepsBetween } from '../../leg/stall.ts';

export type LeaseOptions = {
  readonly leases: Leases;
  readonly key: string;
  readonly process: string;
  readonly host: string;
  readonly intervalSeconds: number;
  /** Called with each change: a parent on the same machine learns of it at once. */
  readonly onChange: (lease: Lease) => void;
};

/** The lease of this process: renewed at each interval, whether or not the leg gets further. */
export type OwnLease = {
  /** Whether another process has the leg. Between two that have just started, the first by name goes on. */
  isHeldByAnother(): Promise<boolean>;
  /** Reports progress; to the store at the next interval. */
  readonly progress: LegPorts['progress'];
  noteCommitted(position: Position): void;
  /** Whether somebody asks in the store that this process stop; as old as an interval. */
  stopRequested(): boolean;
  /** Writes how the leg has ended, so that the next process need not wait for the lease to grow old. */
  end(outcome: Outcome, detail: string): Promise<void>;
};

/** Takes the lease of a leg. Rejects with `ObjectStore` where it cannot be written. */
export async function takeLease(options: LeaseOptions): Promise<OwnLease> {
  const { leases, key, process, host, intervalSeconds, onChange } = options;
  const startedAt = new Date().toISOString();
  let lease: Lease = {
    ...{ schema: 1, key, process, host, startedAt },
    ...{ at: startedAt, advancedAt: startedAt, intervalSeconds },
  };
  let stop = false;
  let advanced = performance.now();
  let renewal: Promise<void> | undefined;
  const change = (changes: Partial<Lease>): void => {
    lease = { ...lease, ...changes, at: new Date().toISOString() };
    onChange(lease);
  };
  const renew = async (): Promise<void> => {
    await leases.write({ ...lease, at: new Date().toISOString() });
    stop ||= await leases.isAskedToStop(key, process);
  };
  await renew();
  const timer = setInterval(() => {
    // A renewal that fails is made up for by the next; the store's absence shows in the leg's own writes.
    renewal ??= renew()
      .catch(() => undefined)
      .finally(() => {
        renewal = undefined;
      });
  }, intervalSeconds * 1000);
  return {
    isHeldByAnother: () => isHeldByAnother(leases, lease),
    progress: (progress) => {
      if (isSamePlace(lease.progress, progress)) return change({ progress });
      const now = performance.now();
      const steps = lease.progress === undefined ? 0 : stepsBetween(lease.progress, progress);
      // Of steps that are reported together, the mean.
      const taken = steps === 0 ? 0 : (now - advanced) / 1000 / steps;
      const stepSeconds = Math.max(taken, lease.stepSeconds ?? 0);
      advanced = now;
      change({ progress, stepSeconds, advancedAt: new Date().toISOString() });
    },
    noteCommitted: ({ epoch, step }) => change({ committed: { epoch, step } }),
    stopRequested: () => stop,
    end: async (outcome, detail) => {
      clearInterval(timer);
      await renewal;
      change({ ended: { outcome, detail } });
      await leases.write(lease);
    },
  };
}

async function isHeldByAnother(leases: Leases, own: Lease): Promise<boolean> {
  const all = await leases.list(own.key);
  const others = all.filter((aged) => aged.lease.process !== own.process && isLive(aged));
  return others.some(({ lease }) => lease.progress !== undefined || lease.process < own.process);
}

function isSamePlace(a: Progress | undefined, b: Progress): boolean {
  return a !== undefined && a.epoch === b.epoch && a.step === b.step;
}
