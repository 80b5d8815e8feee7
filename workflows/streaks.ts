import type { Launch } from '../leg/decide.ts';
import type { Outcome } from '../leg/outcome.ts';

/** So many trials in a row that fail alike on one host are the host's fault, or the build's. */
const SUSPICIOUS = 5;

/** Ends that say nothing about the host: someone stopped the leg, or it did not get to run. */
const INNOCENT: readonly Outcome[] = ['stopped', 'disrupted', 'unschedulable'];

/** What has failed on one host since something succeeded there. */
type Streak = { readonly outcome: Outcome; readonly keys: Set<string> };

/** Failures in a row, by host. A build that is broken on every host shows on each of them. */
export type Streaks = Map<string, Streak>;

/**
 * Notes how the launches of a trial ended.
 * @returns why the study should pause, when a host has become suspicious by them
 */
export function noteLaunches(
  streaks: Streaks,
  key: string,
  launches: readonly Launch[],
): string | undefined {
  let reason: string | undefined;
  for (const { outcome, host, detail } of launches) {
    if (outcome === 'done' || outcome === 'diverged') streaks.delete(host);
    if (outcome === 'done' || outcome === 'diverged' || INNOCENT.includes(outcome)) continue;
    const earlier = streaks.get(host);
    const keys = earlier?.outcome === outcome ? earlier.keys : new Set<string>();
    keys.add(key);
    streaks.set(host, { outcome, keys });
    if (keys.size >= SUSPICIOUS) {
      reason = `${keys.size} trials in a row ended as ${outcome} on ${host}: ${detail}`;
    }
  }
  return reason;
}
