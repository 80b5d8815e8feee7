import { ApplicationFailure, log } from '@temporalio/workflow';
import type { LiveLeg } from '../leg/ports.ts';
import { listLiveLegs, lookAtTrials, removeLegs } from './proxies.ts';
import { trialWorkflowId } from './trial.ts';

/** What a run of the janitor may be told; every part may be absent. */
export type JanitorInput = {
  /** Names what it would remove, and removes nothing. */
  readonly dryRun?: boolean;
  /** A Job that is younger is left alone. */
  readonly graceSeconds?: number;
};

export type JanitorSummary = {
  /** Jobs that have not ended. */
  readonly looked: number;
  /** Of them, those whose trial no longer runs. */
  readonly orphans: number;
  /** Names of the first of them. */
  readonly names: readonly string[];
  readonly dryRun: boolean;
};

const DEFAULT_GRACE_SECONDS = 120;
const MAX_GRACE_SECONDS = 86_400;
/** Names in the answer. */
const NAMED = 20;

/**
 * Removes the Jobs that nobody waits for: their trial has ended without them, was terminated, or its
 * history is gone. What a waiting trial lacks needs no janitor: its activity looks at its Job every few seconds.
 */
export async function clean(input: unknown): Promise<JanitorSummary> {
  const { dryRun = false, graceSeconds = DEFAULT_GRACE_SECONDS } = readInput(input);
  const names: string[] = [];
  let [looked, orphans] = [0, 0];
  let after: string | undefined;
  do {
    const { legs, next } = await listLiveLegs(after);
    after = next;
    looked += legs.length;
    const lost = await lostOf(legs.filter(({ ageSeconds }) => ageSeconds >= graceSeconds));
    orphans += lost.length;
    names.push(...lost.slice(0, NAMED - names.length));
    if (lost.length > 0 && !dryRun) await removeLegs(lost);
  } while (after !== undefined);
  log.info('looked at Jobs', { looked, orphans, dryRun });
  return { looked, orphans, names, dryRun };
}

/** Names of the Jobs whose trial does not run. One that runs again adopts its Job, whichever run made it. */
async function lostOf(legs: readonly LiveLeg[]): Promise<readonly string[]> {
  if (legs.length === 0) return [];
  const ends = await lookAtTrials(legs.map(({ key }) => trialWorkflowId(key)));
  return legs.flatMap(({ job }, index) => (ends[index]?.status === 'running' ? [] : [job]));
}

/** @throws ApplicationFailure SpecInvalid */
function readInput(input: unknown = {}): JanitorInput {
  const refuse = (place: string, found: unknown, allowed: string): never => {
    const message = `${place}: found ${JSON.stringify(found)}; allowed: ${allowed}`;
    throw ApplicationFailure.nonRetryable(message, 'SpecInvalid');
  };
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return refuse('$', input, 'an object with dryRun, graceSeconds');
  }
  const { dryRun, graceSeconds, ...others } = input as Record<string, unknown>;
  const other = Object.keys(others)[0];
  if (other !== undefined) return refuse('$', other, 'dryRun, graceSeconds');
  if (dryRun !== undefined && typeof dryRun !== 'boolean') {
    return refuse('$.dryRun', dryRun, 'true, false');
  }
  if (graceSeconds !== undefined && !isGrace(graceSeconds)) {
    return refuse('$.graceSeconds', graceSeconds, `a number from 0 to ${MAX_GRACE_SECONDS}`);
  }
  return {
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(graceSeconds === undefined ? {} : { graceSeconds }),
  };
}

function isGrace(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_GRACE_SECONDS;
}
