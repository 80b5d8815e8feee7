import { ApplicationFailure, log } from '@temporalio/workflow';
import type { Collection } from '../activities/contract.ts';
import { collectGarbage } from './proxies.ts';

/** What a run of the collector may be told; every part may be absent. */
export type CollectInput = {
  /** Counts what it would remove, and removes nothing. */
  readonly dryRun?: boolean;
  /** What is younger is left alone. */
  readonly olderThanHours?: number;
  /** As old are checkpoints without a result when they go: a study that was stopped goes on from them. */
  readonly unfinishedOlderThanHours?: number;
};

export type CollectSummary = { readonly dryRun: boolean } & Collection;

/** A blob that is a day old and that nothing names will not be named any more without being written anew. */
const LEAST_HOURS = 24;
const MOST_HOURS = 24 * 3650;
const DEFAULTS = { dryRun: false, olderThanHours: 24 * 7, unfinishedOlderThanHours: 24 * 30 };

/** Removes from the store what nothing names any more, and says how much that is. */
export async function removeGarbage(input: unknown): Promise<CollectSummary> {
  const { dryRun, olderThanHours, unfinishedOlderThanHours } = readInput(input);
  const found = await collectGarbage({
    dryRun,
    graceSeconds: olderThanHours * 3600,
    unfinishedSeconds: Math.max(olderThanHours, unfinishedOlderThanHours) * 3600,
  });
  log.info('looked for garbage', { dryRun, ...found });
  return { dryRun, ...found };
}

/** @throws ApplicationFailure SpecInvalid */
function readInput(input: unknown = {}): Required<CollectInput> {
  const names = Object.keys(DEFAULTS).join(', ');
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return refuse('$', input, `an object with ${names}`);
  }
  for (const [name, value] of Object.entries(input)) {
    if (!Object.hasOwn(DEFAULTS, name)) return refuse('$', name, names);
    if (name === 'dryRun' ? typeof value === 'boolean' : isAge(value)) continue;
    const ages = `a number from ${LEAST_HOURS} to ${MOST_HOURS}`;
    return refuse(`$.${name}`, value, name === 'dryRun' ? 'true, false' : ages);
  }
  return { ...DEFAULTS, ...(input as CollectInput) };
}

function refuse(place: string, found: unknown, allowed: string): never {
  const message = `${place}: found ${JSON.stringify(found)}; allowed: ${allowed}`;
  throw ApplicationFailure.nonRetryable(message, 'SpecInvalid');
}

function isAge(value: unknown): boolean {
  return typeof value === 'number' && value >= LEAST_HOURS && value <= MOST_HOURS;
}
