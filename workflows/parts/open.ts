import type { FailedTrial, PinnedStudy, PlanFound } from '../../activities/contract.ts';
import type { ErrorCode } from '../../leg/errors.ts';
import { unpackStates, unpackTop1 } from '../../study/packed.ts';
import type { Section, TrialNode } from '../../study/plan/plan.ts';
import type { TrialState } from '../../study/status.ts';
import { openRun, type Carry } from '../carry.ts';
import { watchHistoryPatiently } from '../history.ts';
import { lookUpPlan, readFailures } from '../proxies.ts';
import { handOver } from '../record.ts';
import { entryOf, type StudyRun } from '../state.ts';
import { noteTrial } from './hear.ts';
import { splitStudy, type Progress } from './split.ts';
import { createParts } from './state.ts';

/** Trials in one look-up of a plan: its answer stays below 64 KiB. */
const PAGE = 5000;

/** What a large study is opened with. */
export type LargeStudy = PinnedStudy & {
  readonly sections: readonly Section[];
  readonly nodes: readonly TrialNode[];
  readonly partTrials: number;
};

/** Where the trials of a large study stand before anything runs, by id. */
type Before = ReadonlyMap<
  string,
  { readonly state: TrialState; readonly top1?: number; readonly failure?: FailedTrial['failure'] }
>;

/**
 * Opens a run of a large study: what is there already is found a page of thousands at a time, and only
 * what is left is cut into parts.
 */
export async function openInParts(
  study: LargeStudy,
  now: number,
  carry?: Carry,
): Promise<StudyRun> {
  const { nodes, digest, sections, resolved } = study;
  const before = await lookUp(study, carry?.failures);
  const progress = (id: string): Progress => progressOf(before.get(id)?.state);
  const split = splitStudy(nodes, progress, study.partTrials);
  const parts = createParts(split, nodes.length, carry?.failures);
  const own = split.upstream.map(({ id }) => id);
  const failed =
    carry?.failures === undefined ? [] : (await readFailures(carry.failures, own)).trials;
  const history = watchHistoryPatiently();
  const run = openRun({ ...study, own: split.upstream, parts, history }, now, carry, failed);
  const shared = new Set(own);
  for (const [id, { state, top1, failure }] of before) {
    // What parts share is looked up when it is its turn: its weights are needed.
    if (shared.has(id)) continue;
    const entry = entryOf(run, id);
    if (failure !== undefined) entry.failure = failure;
    noteTrial(run, entry, state, top1);
  }
  const hasFound = [...before.values()].some(({ state }) => state === 'found');
  if (hasFound && carry === undefined) {
    void handOver({
      ...{ study: resolved.study.name, trials: [], report: false },
      plan: { study: digest, sections },
    });
  }
  return run;
}

async function lookUp({ nodes, digest, sections }: LargeStudy, failures?: string): Promise<Before> {
  const starts = Array.from({ length: Math.ceil(nodes.length / PAGE) }, (_, i) => i * PAGE);
  const pages = await Promise.all(
    starts.map((from) =>
      lookUpPlan({
        ...{ study: digest, sections, from, count: PAGE },
        ...(failures === undefined ? {} : { failures }),
      }),
    ),
  );
  const before = new Map<
    string,
    { state: TrialState; top1?: number; failure?: FailedTrial['failure'] }
  >();
  for (const [page, found] of pages.entries()) {
    const failed = failuresOf(found);
    const accuracies = unpackTop1(found.top1);
    for (const [at, state] of unpackStates(found.states).entries()) {
      const node = nodes[page * PAGE + at] as TrialNode;
      const top1 = accuracies[at];
      const failure = failed.get(at);
      before.set(node.id, {
        state: state === 'waiting' && isBlocked(node, before) ? 'blocked' : state,
        ...(top1 === undefined ? {} : { top1 }),
        ...(failure === undefined ? {} : { failure }),
      });
    }
  }
  return before;
}

function failuresOf({ failed, messages }: PlanFound): ReadonlyMap<number, FailedTrial['failure']> {
  return new Map(
    Object.entries(failed).flatMap(([code, places]) =>
      places.map((at) => [at, { code: code as ErrorCode, message: messages[at] ?? '' }] as const),
    ),
  );
}

/** Needs come before what needs them. */
function isBlocked({ needs }: TrialNode, before: Before): boolean {
  return needs.some((need) => {
    const state = before.get(need)?.state;
    return state === 'failed' || state === 'blocked' || state === 'diverged';
  });
}

function progressOf(state: TrialState | undefined): Progress {
  if (state === 'found' || state === 'diverged') return 'done';
  return state === 'failed' || state === 'blocked' ? 'stuck' : 'open';
}
