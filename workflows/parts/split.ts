import type { TrialNode } from '../../study/plan/plan.ts';

/**
 * Trials in one part: with its events, about nine a trial, its history stays below what a run may
 * have, so that a part never has to wait for its trials to go on in another run.
 */
export const PART_TRIALS = 400;

/** Trials of a study that one workflow runs. */
export type PartPlan = {
  readonly ids: readonly string[];
  /** Trials outside of it that its trials need: teachers, and what they have said. */
  readonly needs: readonly string[];
  /** Groups of trials that do not need one another: it never runs more trials than that at once. */
  readonly width: number;
  /** Each of its groups has something to run before what it needs is there: cross-entropy needs no teacher. */
  readonly startsFree: boolean;
};

/** A study cut into trials that others share, and parts. */
export type Split = {
  /** Teachers, their evaluations and teach legs: the study runs them itself. */
  readonly upstream: readonly TrialNode[];
  readonly parts: readonly PartPlan[];
  /** Parts of what has failed, and of what that blocks: nothing to do unless it is tried again. */
  readonly stuck: readonly PartPlan[];
};

/** Where a trial stands before its part is made. */
export type Progress = 'done' | 'stuck' | 'open';

type Group = {
  readonly nodes: TrialNode[];
  readonly needs: string[];
  cost: number;
  startsFree: boolean;
};

/**
 * Cuts a study into parts. Trials that need one another stay together. Groups that can start without
 * a teacher come first, groups that need the same teachers stand together, the longest first. A group
 * whose trials are all done is in no part.
 */
export function splitStudy(
  nodes: readonly TrialNode[],
  progressOf: (id: string) => Progress,
  partTrials: number,
): Split {
  const upstream = nodes.filter(isUpstream);
  const shared = new Set(upstream.map(({ id }) => id));
  const others = nodes.filter(({ id }) => !shared.has(id));
  const groups = groupsOf(others, shared);
  const signature = ({ needs }: Group): string => needs.join('\n');
  groups.sort(
    (a, b) =>
      Number(b.startsFree) - Number(a.startsFree) ||
      compare(signature(a), signature(b)) ||
      b.cost - a.cost,
  );
  const has = (progress: Progress) => (group: Group) =>
    group.nodes.some(({ id }) => progressOf(id) === progress);
  const open = groups.filter(has('open'));
  const stuck = groups.filter((group) => !has('open')(group) && has('stuck')(group));
  return { upstream, parts: packed(open, partTrials), stuck: packed(stuck, partTrials) };
}

function isUpstream({ section, kind }: TrialNode): boolean {
  return section === 'teacher' || kind === 'teach';
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Trials that are connected by what they need; what is shared connects nothing. */
function groupsOf(nodes: readonly TrialNode[], shared: ReadonlySet<string>): Group[] {
  const groupOf = new Map<string, Group>();
  const groups: Group[] = [];
  // Needs come before what needs them, so a group is complete but for trials that join two groups.
  for (const node of nodes) {
    const own = node.needs.filter((need) => !shared.has(need));
    const joined = [...new Set(own.map((need) => groupOf.get(need)))].filter(
      (g) => g !== undefined,
    );
    const group = joined[0] ?? { nodes: [], needs: [], cost: 0, startsFree: false };
    if (joined.length === 0) groups.push(group);
    for (const other of joined.slice(1)) merge(group, other, groupOf);
    group.nodes.push(node);
    group.cost += node.cost;
    group.startsFree ||= node.needs.length === 0;
    for (const need of node.needs) {
      if (shared.has(need) && !group.needs.includes(need)) group.needs.push(need);
    }
    groupOf.set(node.id, group);
  }
  return groups.filter((group) => group.nodes.length > 0);
}

function merge(into: Group, from: Group, groupOf: Map<string, Group>): void {
  for (const node of from.nodes) groupOf.set(node.id, into);
  into.nodes.push(...from.nodes.splice(0));
  into.needs.push(...from.needs.filter((need) => !into.needs.includes(need)));
  into.cost += from.cost;
  into.startsFree ||= from.startsFree;
}

/** Groups in order, as many in a part as it has room for; a group that is larger is a part of its own. */
function packed(groups: readonly Group[], partTrials: number): PartPlan[] {
  const parts: { ids: string[]; needs: Set<string>; width: number; startsFree: boolean }[] = [];
  for (const { nodes, needs, startsFree } of groups) {
    const last = parts.at(-1);
    // What waits for no teacher is not kept waiting by what does.
    const fits = last?.startsFree === startsFree && last.ids.length + nodes.length <= partTrials;
    const part = fits ? last : { ids: [], needs: new Set<string>(), width: 0, startsFree };
    if (!fits) parts.push(part);
    part.ids.push(...nodes.map(({ id }) => id));
    for (const need of needs) part.needs.add(need);
    part.width += 1;
  }
  return parts.map((part) => ({ ...part, needs: [...part.needs] }));
}
