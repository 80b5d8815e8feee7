import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { StudyPriority } from '../study/priority.ts';
import type { StudyStatus, TrialChanges, TrialPage, TrialState } from '../study/status.ts';
import type { LaunchEnd } from './device-account.ts';
import type { TableRow } from './status.ts';

/** What a study's workflow answers and obeys; all reachable with the plain Temporal CLI. */
export const statusQuery = defineQuery<StudyStatus>('status');
/** Trials in plan order, a page at a time: from which place, how many, of which state. */
export const trialsQuery = defineQuery<
  TrialPage,
  [from?: number, count?: number, state?: TrialState]
>('trials');
/** Trials whose state has changed since an earlier answer, a page at a time. */
export const changesQuery = defineQuery<TrialChanges, [since?: number, count?: number]>('changes');
/** The student sweep so far. */
export const tableQuery = defineQuery<readonly TableRow[]>('table');
/** Starts no further trial; those under way go on. */
export const pauseSignal = defineSignal('pause');
export const resumeSignal = defineSignal('resume');
/** How many trials may be under way at once; answers the number before. */
export const setParallelismUpdate = defineUpdate<number, [number]>('setParallelism');
/** Puts legs that are launched from now on before or after those of other studies; answers the one before. */
export const setPriorityUpdate = defineUpdate<StudyPriority, [StudyPriority]>('setPriority');
/** Lets the legs of a study with `limits.gpuHours` use so many device hours more; answers the new limit. */
export const extendBudgetUpdate = defineUpdate<number, [number]>('extendBudget');
/** Tries the failed trials once more, quarantined ones excepted; answers their ids, the first 200. */
export const retryFailedUpdate = defineUpdate<readonly string[]>('retryFailed');
/** Sent by trials to a study that limits device time, not by people. */
export const launchEndedSignal = defineSignal<[LaunchEnd]>('launchEnded');
