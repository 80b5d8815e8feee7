import { setTimeout as sleep } from 'node:timers/promises';
import { isLive } from '../leg/lease.ts';
import type { Leases } from '../leg/ports.ts';
import type { Lease } from '../leg/result.ts';

/**
 * A process that has a leg already; undefined where none has. A lease that is too old is looked at
 * twice, one interval apart: after an outage of the store its process may be about to renew it.
 */
export async function findHolder(
  leases: Pick<Leases, 'list' | 'read'>,
  key: string,
  signal: AbortSignal,
): Promise<Lease | undefined> {
  const open = (await leases.list(key)).filter(({ lease }) => lease.ended === undefined);
  const live = open.find(isLive);
  if (live !== undefined || open.length === 0) return live?.lease;
  const longest = Math.max(...open.map(({ lease }) => lease.intervalSeconds));
  await sleep(longest * 1000, undefined, { signal });
  for (const { lease } of open) {
    const again = await leases.read(key, lease.process);
    if (again !== undefined && isLive(again)) return again.lease;
  }
  return undefined;
}

/**
 * Follows a process of another host by its lease until it has ended or lost its lease; returns its last
 * word. Undefined where the lease is gone: then the result is there.
 */
export async function followLease(
  leases: Pick<Leases, 'list' | 'read'>,
  { key, process, intervalSeconds }: Lease,
  signal: AbortSignal,
  report: (lease: Lease) => void,
): Promise<Lease | undefined> {
  for (;;) {
    const found = await leases.read(key, process);
    if (found === undefined || found.lease.ended !== undefined) return found?.lease;
    report(found.lease);
    if (!isLive(found) && (await findHolder(leases, key, signal))?.process !== process) {
      return found.lease;
    }
    await sleep(intervalSeconds * 1000, undefined, { signal });
  }
}

/** Asks every process that has a leg to stop, until none is left. */
export async function stopHolders(
  leases: Leases,
  key: string,
  signal?: AbortSignal,
): Promise<void> {
  for (;;) {
    const live = (await leases.list(key)).filter(isLive).map(({ lease }) => lease);
    if (live.length === 0) return;
    for (const { process } of live) await leases.askToStop(key, process);
    const soonest = Math.min(...live.map(({ intervalSeconds }) => intervalSeconds));
    await sleep((soonest * 1000) / 3, undefined, signal === undefined ? {} : { signal });
  }
}
