import pMap from 'p-map';
import { packStates, packTop1 } from '../study/packed.ts';
import {
  bindTrial,
  expandStudy,
  handedOn,
  restrictTo,
  type TrialNode,
} from '../study/plan/plan.ts';
import type { TrialState } from '../study/status.ts';
import type {
  FailedTrial,
  Found,
  PlanFound,
  PlanPage,
  ResolvedStudy,
  TrialFailure,
} from './contract.ts';

/** What lies at a key, if anything does. */
export type Find = (key: string) => Promise<Found | undefined>;

/** Keys looked up at once. */
const READ_AT_ONCE = 32;
/** Failures of a page that are told with their message; of the others the code is told. */
const TOLD = 3;

/**
 * Looks a page of a study's plan up: a letter a trial, so that a workflow learns of thousands of
 * finished trials without a word of its history for each.
 *
 * @param resolved the study that `page` names
 * @param failed what has failed so far, by id
 */
export async function lookUpPlan(
  find: Find,
  resolved: ResolvedStudy,
  page: PlanPage,
  failed: ReadonlyMap<string, FailedTrial>,
): Promise<PlanFound> {
  const { nodes, found } = await readPage(find, resolved, page);
  const failures = found.map((result, at): TrialFailure | undefined => {
    if (result?.status === 'damaged') return { code: 'DataMismatch', message: result.message };
    return result === undefined ? failed.get(nodes[at]?.id ?? '')?.failure : undefined;
  });
  return {
    states: packStates(found.map((result, at) => stateOf(result, failures[at]))),
    top1: packTop1(found.map(top1Of)),
    ...tellFailures(failures),
  };
}

/** What lies at the keys of a page of trials, and how many trials the plan has. */
export async function readPage(
  find: Find,
  resolved: ResolvedStudy,
  { sections, from, count }: Pick<PlanPage, 'sections' | 'from' | 'count'>,
): Promise<{
  readonly nodes: readonly TrialNode[];
  readonly found: readonly (Found | undefined)[];
  readonly total: number;
}> {
  const plan = restrictTo(expandStudy(resolved.study, resolved), sections);
  const nodes = plan.slice(from, from + count);
  const found = await pMap(nodes, lookUpWith(find, plan), { concurrency: READ_AT_ONCE });
  return { nodes, found, total: plan.length };
}

/** Looks trials up, and first what they need: each once, whoever needs it. */
function lookUpWith(
  find: Find,
  plan: readonly TrialNode[],
): (node: TrialNode) => Promise<Found | undefined> {
  const byId = new Map(plan.map((node) => [node.id, node]));
  const known = new Map<string, Promise<Found | undefined>>();
  const lookUp = async (node: TrialNode): Promise<Found | undefined> => {
    const weights = new Map<string, string>();
    for (const id of node.needs) {
      const need = byId.get(id);
      const result = need === undefined ? undefined : await once(need);
      if (need === undefined || result?.status !== 'complete') return undefined;
      const digest = handedOn(need, result.files);
      if (digest === undefined) return undefined;
      weights.set(id, digest);
    }
    return await find(bindTrial(node, weights).key);
  };
  const once = (node: TrialNode): Promise<Found | undefined> => {
    const result = known.get(node.id) ?? lookUp(node);
    known.set(node.id, result);
    return result;
  };
  return once;
}

function stateOf(result: Found | undefined, failure: TrialFailure | undefined): TrialState {
  if (failure !== undefined) return 'failed';
  if (result === undefined) return 'waiting';
  return result.status === 'complete' ? 'found' : 'diverged';
}

function top1Of(result: Found | undefined): number | undefined {
  return result?.status === 'complete' ? result.metrics['top1'] : undefined;
}

function tellFailures(
  failures: readonly (TrialFailure | undefined)[],
): Pick<PlanFound, 'failed' | 'messages'> {
  const failed: Record<string, number[]> = {};
  const messages: Record<number, string> = {};
  for (const [at, failure] of failures.entries()) {
    if (failure === undefined) continue;
    (failed[failure.code] ??= []).push(at);
    if (Object.keys(messages).length < TOLD) messages[at] = failure.message;
  }
  return { failed, messages };
}
