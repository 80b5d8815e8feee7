import type { FailedTrial, PinnedStudy } from '../activities/contract.ts';
import { expandStudy, restrictTo, type Section } from '../study/plan/plan.ts';
import { extendedSeconds, openAccount, usedSeconds } from './device-account.ts';
import { watchForeign } from './foreign.ts';
import { openOutbox } from './outbox.ts';
import { createSchedule } from './schedule.ts';
import { entryOf, failTrial, type StudyRun } from './state.ts';

/** What a run hands on when it continues as new; finished trials are found again by their keys. */
export type Carry = {
  /** Digest of the resolved study: it is resolved once, whatever has changed since. */
  readonly resolved: string;
  readonly parallel: number;
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
};

/** Opens a run of a resolved study, restricted to sections with all that they need. */
export function openRun(
  { resolved, digest }: PinnedStudy,
  sections: readonly Section[],
  now: number,
  carry?: Carry,
  failed: readonly FailedTrial[] = [],
): StudyRun {
  const nodes = restrictTo(expandStudy(resolved.study, resolved), sections);
  const { parallel, gpuHours } = resolved.study.limits;
  const device = openAccount(gpuHours, carry?.deviceSeconds ?? 0, carry?.extraSeconds);
  const { pausedBecause } = carry ?? {};
  const run: StudyRun = {
    resolved,
    digest,
    entries: new Map(nodes.map((node) => [node.id, { node, state: 'waiting' }])),
    schedule: createSchedule(nodes),
    startedAt: carry?.startedAt ?? now,
    phase: 'training',
    paused: carry?.paused ?? false,
    ...(pausedBecause === undefined ? {} : { pausedBecause }),
    parallel: carry?.parallel ?? parallel,
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
  };
}
