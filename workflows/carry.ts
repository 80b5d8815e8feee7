import type { FailedTrial, PinnedStudy } from '../activities/contract.ts';
import type { Section, TrialNode } from '../study/plan/plan.ts';
import type { StudyPriority } from '../study/priority.ts';
import { extendedSeconds, openAccount, usedSeconds } from './device-account.ts';
import { watchForeign } from './foreign.ts';
import { watchHistory, type HistoryWatch } from './history.ts';
import { openOutbox } from './outbox.ts';
import type { Parts } from './parts/state.ts';
import { createSchedule } from './schedule.ts';
import { entryOf, failTrial, type StudyRun } from './state.ts';

/** What a run hands on when it continues as new; finished trials are found again by their keys. */
export type Carry = {
  /** Digest of the resolved study: it is resolved once, whatever has changed since. */
  readonly resolved: string;
  readonly parallel: number;
  /** Absent: as the study says. */
  readonly priority?: StudyPriority;
  readonly paused: boolean;
  readonly pausedBecause?: string;
  readonly launches: number;
  readonly startedAt: number;
  /** Device time used so far; absent where the study sets no limit. */
  readonly deviceSeconds?: number;
  /** What its limit has been extended by; absent where it has not. */
  readonly extraSeconds?: number;
  /** Digest of the last chunk of failed trials; absent where there is none. */
  readonly failures?: string;
  readonly searchable?: boolean;
};

/** What a run is opened on. */
export type Opening = PinnedStudy & {
  readonly sections: readonly Section[];
  /** The trials that it tells of, in plan order. */
  readonly nodes: readonly TrialNode[];
  /** Those that it starts itself, where its parts start the others. */
  readonly own?: readonly TrialNode[];
  readonly parts?: Parts;
  readonly history?: HistoryWatch;
};

/** Opens a run of a resolved study. */
export function openRun(
  opening: Opening,
  now: number,
  carry?: Omit<Carry, 'resolved'>,
  failed: readonly FailedTrial[] = [],
): StudyRun {
  const { resolved, digest, sections, nodes, own = nodes, parts } = opening;
  const { history = watchHistory(), searchable = false } = opening;
  const { parallel, gpuHours, priority = 'normal' } = resolved.study.limits;
  const device = openAccount(gpuHours, carry?.deviceSeconds ?? 0, carry?.extraSeconds);
  const { pausedBecause } = carry ?? {};
  const run: StudyRun = {
    resolved,
    digest,
    sections,
    entries: new Map(nodes.map((node) => [node.id, { node, state: 'waiting' }])),
    schedule: createSchedule(own),
    ...(parts === undefined ? {} : { parts }),
    awaited: new Set(),
    lookedUp: new Set(),
    ...{ history, searchable },
    startedAt: carry?.startedAt ?? now,
    phase: 'training',
    paused: carry?.paused ?? false,
    ...(pausedBecause === undefined ? {} : { pausedBecause }),
    parallel: carry?.parallel ?? parallel,
    priority: carry?.priority ?? priority,
    launches: carry?.launches ?? 0,
    changes: [],
    outbox: openOutbox(resolved.study.name),
    foreign: watchForeign(),
    streaks: new Map(),
    underWay: new Map(),
    ...(device === undefined ? {} : { device }),
  };
  for (const { id, failure, earlier } of failed) {
    if (failure === undefined) entryOf(run, id).earlier = earlier;
    else failTrial(run, id, failure, earlier);
  }
  return run;
}

/** What the next run needs of this one; its failed trials have been kept. */
export function carryOf(run: StudyRun, failures: string | undefined): Carry {
  const { resolved, digest, parallel, paused, pausedBecause, launches, startedAt, device } = run;
  const extraSeconds = device === undefined ? 0 : extendedSeconds(device, resolved.study.limits);
  return {
    resolved: digest,
    parallel,
    paused,
    ...(pausedBecause === undefined ? {} : { pausedBecause }),
    launches,
    startedAt,
    ...(device === undefined ? {} : { deviceSeconds: usedSeconds(device) }),
    ...(extraSeconds > 0 ? { extraSeconds } : {}),
    ...(failures === undefined ? {} : { failures }),
    ...(run.priority === (resolved.study.limits.priority ?? 'normal')
      ? {}
      : { priority: run.priority }),
    ...(run.searchable ? { searchable: true } : {}),
  };
}
