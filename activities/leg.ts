import { Context } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { hostname } from 'node:os';
import type { Executor, Intent, LegEnd, LegWord } from '../leg/ports.ts';
import type { Result } from '../leg/result.ts';
import { launchName, type Leg } from '../leg/spec.ts';
import type { ArtifactStore } from '../stores/artifacts.ts';
import { readResult } from '../stores/results.ts';
import { canonicalJson } from '../study/canonical.ts';
import type { LegActivities, LegHeartbeat, LegReport, StopActivities } from './contract.ts';
import { crossing } from './failure.ts';
import { NOTHING_RAN, withEarlier } from './leg-word.ts';
import { summaryOf } from './summary.ts';

export type LegActivityPorts = {
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'location' | 'putBlob'>;
  readonly executor: Executor;
  /** This host, as `LegEnd.host` names it. */
  readonly host?: string;
  /** Between two heartbeats. */
  readonly heartbeatSeconds?: number;
  /** How long a leg that has failed here is left to other hosts. */
  readonly avoidSeconds?: number;
};

/** Heartbeats go on while a leg is silent: a leg that makes no progress is the executor's to see. */
const HEARTBEAT_SECONDS = 5;

/**
 * Ends of launches that have not been reported, by name: where the store is away when a leg ends, the
 * next attempt must find how it ended, and not launch it again.
 */
type Ends = Map<string, LegEnd>;

/** The activity that holds a slot while a leg runs. */
export function createLegActivities(ports: LegActivityPorts): LegActivities & StopActivities {
  const ends: Ends = new Map();
  return {
    runLeg: (leg) => crossing(() => runLeg(ports, ends, leg)),
    stopLeg: (leg) => crossing(() => stopLeg(ports, leg)),
  };
}

async function stopLeg(
  { executor, heartbeatSeconds = HEARTBEAT_SECONDS }: LegActivityPorts,
  leg: Leg,
): Promise<void> {
  const context = Context.current();
  context.heartbeat();
  const alive = setInterval(() => context.heartbeat(), heartbeatSeconds * 1000);
  try {
    await Promise.race([executor.stop(leg), context.cancelled]);
  } finally {
    clearInterval(alive);
  }
}

async function runLeg(ports: LegActivityPorts, ends: Ends, leg: Leg): Promise<LegReport> {
  const context = Context.current();
  const earlier = context.info.heartbeatDetails as LegHeartbeat | undefined;
  let word: LegHeartbeat = earlier ?? NOTHING_RAN;
  const beat = (): void => context.heartbeat(word);
  // Before the first wait: the store may keep this attempt waiting for longer than its timeout.
  beat();
  const alive = setInterval(beat, (ports.heartbeatSeconds ?? HEARTBEAT_SECONDS) * 1000);
  const report = (heard: LegWord): void => {
    word = withEarlier(earlier, heard);
    // The SDK sends the newest of those that come too often.
    beat();
  };
  try {
    const before = await readResult(ports.artifacts, leg.key);
    if (before !== undefined && !mayStillEvaluate(ports, context, leg)) {
      return reportFound(before, word);
    }
    const name = launchName(leg);
    const known = ends.get(name) ?? earlier?.end;
    if (known === undefined) leaveToAnotherHost(ports, context, leg);
    const end = known ?? (await launch(ports, context, leg, report));
    if (known === undefined) await throwIfHandedOn(ports, context, leg.key);
    ends.set(name, end);
    word = { ...withEarlier(earlier, end), end };
    const result = await readResult(ports.artifacts, leg.key);
    ends.delete(name);
    if (result === undefined && isCancelled(context)) throw new CancelledFailure('stopped');
    return { ...reportOf(end, result), ...withEarlier(earlier, end) };
  } catch (error) {
    // The trial learns from the failure what the leg has used.
    if (isCancelled(context)) throw new CancelledFailure('the leg was stopped', [word]);
    throw error;
  } finally {
    clearInterval(alive);
    // Should this attempt fail, the next one goes on from here.
    beat();
  }
}

/**
 * A Job outlives the worker that waited for it. It leaves the training's result before it evaluates: an
 * attempt that took that for the end would have the evaluation computed twice.
 */
function mayStillEvaluate(
  { executor }: LegActivityPorts,
  { info }: Context,
  { evaluation }: Leg,
): boolean {
  return executor.name === 'kubernetes' && info.attempt > 1 && evaluation !== undefined;
}

/**
 * A leg that was stopped because its activity is paused, or because this worker shuts down, has not come
 * to its end: the next attempt of the activity, once there may be one, goes on with the same launch.
 */
async function throwIfHandedOn(
  { artifacts }: LegActivityPorts,
  { cancelled, cancellationDetails: details }: Context,
  key: string,
): Promise<void> {
  const isHandedOn = details?.paused === true || details?.workerShutdown === true;
  if (!isHandedOn || details.cancelRequested) return;
  if ((await readResult(artifacts, key)) === undefined) await cancelled;
}

/**
 * Where the leg should not run on this host, the attempt fails and another worker may take the next one;
 * but not for ever: there may be no other host.
 */
function leaveToAnotherHost(
  { host = hostname(), avoidSeconds = 30 }: LegActivityPorts,
  { info }: Context,
  { avoidHosts = [] }: Leg,
): void {
  const waitedMilliseconds = Date.now() - info.scheduledTimestampMs;
  if (!avoidHosts.includes(host) || waitedMilliseconds > avoidSeconds * 1000) return;
  throw ApplicationFailure.create({
    type: 'Disrupted',
    message: `the leg has failed on ${host}: left to another host for ${avoidSeconds} s`,
    nextRetryDelay: (avoidSeconds * 1000) / 6,
  });
}

function isCancelled({ cancellationDetails }: Context): boolean {
  return cancellationDetails?.cancelRequested === true;
}

async function launch(
  { artifacts, executor }: LegActivityPorts,
  context: Context,
  leg: Leg,
  report: (word: LegWord) => void,
): Promise<LegEnd> {
  await artifacts.putBlob(new TextEncoder().encode(canonicalJson(leg)));
  const signal = intentSignal(context);
  // The look-up and the write may have taken so long that another attempt has begun.
  if (signal.aborted) return await context.cancelled;
  const left = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => {
      // The slot is free at once for the attempt that adopts the launch.
      if (signal.reason === 'abandon') context.cancelled.catch(reject);
    });
  });
  return await Promise.race([executor.run(leg, { signal, report }), left]);
}

/**
 * Of the ways an activity is cancelled, only a user's cancel or pause stops the leg. After a timeout or
 * a reset another attempt may be watching it already.
 */
function intentSignal(context: Context): AbortSignal {
  const control = new AbortController();
  const abort = (): void => {
    const details = context.cancellationDetails;
    const stop = details?.cancelRequested === true || details?.paused === true;
    const intent: Intent = stop ? 'stop' : details?.workerShutdown === true ? 'detach' : 'abandon';
    control.abort(intent);
  };
  if (context.cancellationSignal.aborted) abort();
  else context.cancellationSignal.addEventListener('abort', abort, { once: true });
  return control.signal;
}

/** The result is the truth: how the process ended only says why there is none. */
function reportOf(end: LegEnd, result: Result | undefined): LegReport {
  if (result !== undefined) {
    const outcome = result.status === 'diverged' ? 'diverged' : 'done';
    return { ...end, outcome, result: summaryOf(result) };
  }
  if (end.outcome !== 'done' && end.outcome !== 'diverged') return end;
  const detail = `${end.detail}; yet there is no result in the store`;
  return { ...end, outcome: 'bug', detail };
}

function reportFound(result: Result, { processes, deviceSeconds }: LegWord): LegReport {
  return {
    outcome: result.status === 'diverged' ? 'diverged' : 'done',
    host: processes.at(-1)?.host ?? 'store',
    detail: 'the result was there',
    processes,
    deviceSeconds,
    result: summaryOf(result),
  };
}
