import { PROCESSES_KEPT, type LegWord } from '../leg/ports.ts';

/** No process has run yet. */
export const NOTHING_RAN: LegWord = { processes: [], deviceSeconds: 0 };

/**
 * What is known of a launch, from what an earlier attempt of its activity has left and what this one
 * knows: the processes of both, and of one that both have seen the longer time.
 */
export function withEarlier(earlier: LegWord | undefined, now: LegWord): LegWord {
  if (earlier === undefined) return now;
  const before = new Map(earlier.processes.map(({ name, seconds }) => [name, seconds]));
  const current = now.processes.map((process) => ({
    ...process,
    seconds: Math.max(process.seconds, before.get(process.name) ?? 0),
  }));
  const names = new Set(current.map(({ name }) => name));
  const lost = earlier.processes.filter(({ name }) => !names.has(name));
  const seenTwice = earlier.processes.filter(({ name }) => names.has(name));
  return {
    ...now,
    processes: [...lost, ...current].slice(-PROCESSES_KEPT),
    deviceSeconds:
      now.deviceSeconds +
      (secondsOf(current) - secondsOf(now.processes)) +
      (earlier.deviceSeconds - secondsOf(seenTwice)),
  };
}

function secondsOf(processes: LegWord['processes']): number {
  return processes.reduce((total, { seconds }) => total + seconds, 0);
}
