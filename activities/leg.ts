import { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { ABANDONED, type Executor } from '../leg/executor.ts';
import type { Progress, Result } from '../leg/result.ts';
import type { Leg } from '../leg/spec.ts';
import type { ArtifactStore } from '../stores/artifacts.ts';
import { readResult } from '../stores/results.ts';
import { canonicalJson } from '../study/canonical.ts';
import type { LegActivities, LegHeartbeat, LegReport } from './contract.ts';
import { crossing } from './failure.ts';
import { summaryOf } from './summary.ts';

export type LegPorts = {
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'location' | 'putBlob'>;
  readonly executor: Executor;
};

/** Heartbeats go on while a leg is silent: a leg that makes no progress is the executor's to see. */
const HEARTBEAT_MILLISECONDS = 5000;

/** The activity that holds a slot while a leg runs. */
export function createLegActivities(ports: LegPorts): LegActivities {
  return { runLeg: (leg) => crossing(() => runLeg(ports, leg)) };
}

async function runLeg({ artifacts, executor }: LegPorts, leg: Leg): Promise<LegReport> {
  const context = Context.current();
  const earlier = context.info.heartbeatDetails as LegHeartbeat | undefined;
  const before = await readResult(artifacts, leg.key);
  if (before !== undefined) return reportFound(before, earlier);
  await artifacts.putBlob(new TextEncoder().encode(canonicalJson(leg)));
  let latest: Progress | undefined;
  const held = deviceClock(earlier);
  const beat = (): void => context.heartbeat(heartbeatOf(held(), latest));
  const alive = setInterval(beat, HEARTBEAT_MILLISECONDS);
  beat();
  try {
    const signal = stopSignal(context);
    const launch = executor.run(leg, signal, (progress) => {
      latest = progress;
      beat();
    });
    const end = await Promise.race([launch, abandonment(signal, context)]);
    const deviceSeconds = held();
    const result = await readResult(artifacts, leg.key);
    if (result === undefined && context.cancellationDetails?.cancelRequested === true) {
      throw new CancelledFailure('the leg was stopped', [heartbeatOf(deviceSeconds, latest)]);
    }
    return { ...report(end, latest, result), deviceSeconds };
  } finally {
    clearInterval(alive);
    // Should this attempt fail, the next one goes on counting from here.
    beat();
  }
}

/**
 * Reads the wall time that the process of a launch has held its device. A process that was lost with
 * its worker counts up to its last heartbeat.
 */
function deviceClock(earlier: LegHeartbeat | undefined): () => number {
  const from = performance.now();
  return () => (earlier?.deviceSeconds ?? 0) + (performance.now() - from) / 1000;
}

function heartbeatOf(deviceSeconds: number, progress: Progress | undefined): LegHeartbeat {
  return progress === undefined ? { deviceSeconds } : { deviceSeconds, progress };
}

/**
 * Of the ways an activity is cancelled, only a user's cancel or pause and the worker's own shutdown
 * stop the leg. After a timeout or a reset another attempt may be watching it already.
 */
function stopSignal(context: Context): AbortSignal {
  const control = new AbortController();
  const hear = (): void => {
    const details = context.cancellationDetails;
    const stop =
      details?.cancelRequested === true ||
      details?.paused === true ||
      details?.workerShutdown === true;
    control.abort(stop ? 'stop' : ABANDONED);
  };
  if (context.cancellationSignal.aborted) hear();
  else context.cancellationSignal.addEventListener('abort', hear, { once: true });
  return control.signal;
}

/** Rejects once the leg is left to another attempt, so that this one's slot is free for it. */
function abandonment(signal: AbortSignal, context: Context): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      if (signal.reason === ABANDONED) context.cancelled.catch(reject);
    });
  });
}

/** The result is the truth: how the process ended only says why there is none. */
function report(
  end: Omit<LegReport, 'result' | 'reached'>,
  latest: Progress | undefined,
  result: Result | undefined,
): LegReport {
  const reached =
    latest === undefined ? {} : { reached: { epoch: latest.epoch, step: latest.step } };
  if (result !== undefined) {
    const outcome = result.status === 'diverged' ? 'diverged' : 'done';
    return { ...end, ...reached, outcome, result: summaryOf(result) };
  }
  if (end.outcome !== 'done' && end.outcome !== 'diverged') return { ...end, ...reached };
  const detail = `${end.detail}; yet there is no result in the store`;
  return { ...end, ...reached, outcome: 'bug', detail };
}

function reportFound(result: Result, earlier: LegHeartbeat | undefined): LegReport {
  return {
    outcome: result.status === 'diverged' ? 'diverged' : 'done',
    host: 'store',
    attempt: 'found',
    detail: 'the result was there',
    result: summaryOf(result),
    ...(earlier === undefined ? {} : { deviceSeconds: earlier.deviceSeconds }),
  };
}
