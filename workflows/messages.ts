import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { StudyStatus } from '../study/status.ts';
import type { LaunchEnd } from './device-account.ts';
import type { TableRow } from './status.ts';

/** What a study's workflow answers and obeys; all reachable with the plain Temporal CLI. */
export const statusQuery = defineQuery<StudyStatus>('status');
/** The student sweep so far. */
export const tableQuery = defineQuery<readonly TableRow[]>('table');
/** Starts no further trial; those under way go on. */
export const pauseSignal = defineSignal('pause');
export const resumeSignal = defineSignal('resume');
/** How many trials may be under way at once; answers the number before. */
export const setParallelismUpdate = defineUpdate<number, [number]>('setParallelism');
/** Tries the failed trials once more, quarantined ones excepted; answers their ids. */
export const retryFailedUpdate = defineUpdate<readonly string[]>('retryFailed');
/** Sent by trials to a study that limits device time, not by people. */
export const launchEndedSignal = defineSignal<[LaunchEnd]>('launchEnded');
