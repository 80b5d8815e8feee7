import { PROCESSES_KEPT, type LegProcess } from '../leg/ports.ts';
import { endOf } from './classify.ts';
import type { Pod } from './objects.ts';

/**
 * The pods that one launch has had. Kubernetes forgets a pod once it has been replaced, and a worker
 * may see it only at its end: what was seen is kept here, by uid.
 */
export type Ledger = {
  /** Takes in what is known of the pods now. */
  see(pods: readonly Pod[], now: Date): void;
  /** Oldest first, at most `PROCESSES_KEPT`. */
  processes(): readonly LegProcess[];
  /** Seconds that containers have run: waiting for a node, an image or quota is none. */
  deviceSeconds(): number;
  /** Pods that ended by a disruption. */
  disruptions(): number;
};

type Seen = { process: LegProcess; disrupted: boolean };

/** An empty ledger. */
export function openLedger(): Ledger {
  const seen = new Map<string, Seen>();
  const all = (): LegProcess[] =>
    [...seen.values()]
      .map(({ process }) => process)
      .sort((a, b) => a.startedAt.localeCompare(b.startedAt));
  return {
    see: (pods, now) => {
      for (const pod of pods) {
        const entry = entryOf(pod, now);
        if (entry !== undefined) seen.set(entry.process.name, entry);
      }
    },
    processes: () => all().slice(-PROCESSES_KEPT),
    deviceSeconds: () => all().reduce((sum, { seconds }) => sum + seconds, 0),
    disruptions: () => [...seen.values()].filter(({ disrupted }) => disrupted).length,
  };
}

/** A pod whose container has started; from the kubelet's own times, not ours. */
function entryOf(pod: Pod, now: Date): Seen | undefined {
  const state = pod.status?.containerStatuses?.[0]?.state;
  const { terminated, running } = state ?? {};
  const startedAt = terminated?.startedAt ?? running?.startedAt;
  const name = pod.metadata.uid;
  if (startedAt === undefined || name === undefined) return undefined;
  const endedAt = terminated?.finishedAt;
  const until = endedAt === undefined ? now.getTime() : Date.parse(endedAt);
  const process = {
    ...{ name, host: pod.spec?.nodeName ?? 'unknown', startedAt },
    seconds: Math.max(0, (until - Date.parse(startedAt)) / 1000),
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(terminated === undefined ? {} : { exit: terminated.exitCode }),
  };
  const ended = terminated !== undefined ? endOf(pod).outcome : undefined;
  return { process, disrupted: ended === 'disrupted' || ended === 'nodeLost' };
}
