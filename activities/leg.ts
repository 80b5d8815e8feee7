import { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { ABANDONED, type Executor } from '../leg/executor.ts';
import type { Progress, Result } from '../leg/result.ts';
import type { Leg } from '../leg/spec.ts';
import type { ArtifactStore } from '../stores/artifacts.ts';
import { readResult } from '../stores/results.ts';
import { canonicalJson } from '../study/canonical.ts';
import type { LegActivities, LegHeartbeat, LegReport } from './contract.ts';
import { startDeviceClock, type DeviceClock } from './device-clock.ts';
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
  const clocks: Clocks = new Map();
  return { runLeg: (leg) => crossing(() => runLeg(ports, clocks, leg)) };
}

/**
 * Clocks of launches that have not been reported, by name. While Temporal is away an attempt is lost
 * and its process goes on: the next attempt reads the same clock. On another worker, it goes on from
 * the last heartbeat.
 */
type Clocks = Map<string, DeviceClock>;

async function runLeg(
  { artifacts, executor }: LegPorts,
  clocks: Clocks,
  leg: Leg,
): Promise<LegReport> {
  const context = Context.current();
  const name = `${leg.key}-n${leg.launch}`;
  const earlier = clocks.get(name);
  const heartbeat = context.info.heartbeatDetails as LegHeartbeat | undefined;
  const earlierSeconds = earlier?.seconds() ?? heartbeat?.deviceSeconds;
  const before = await readResult(artifacts, leg.key);
  if (before !== undefined) {
    clocks.delete(name);
    return reportFound(before, earlierSeconds);
  }
  await artifacts.putBlob(new TextEncoder().encode(canonicalJson(leg)));
  let latest: Progress | undefined;
  const clock = earlier?.isRunning() === true ? earlier : startDeviceClock(earlierSeconds ?? 0);
  clocks.set(name, clock);
  const beat = (): void => context.heartbeat(heartbeatOf(clock.seconds(), latest));
  const alive = setInterval(beat, HEARTBEAT_MILLISECONDS);
  beat();
  try {
    const signal = stopSignal(context);
    const hear = (progress: Progress): void => {
      latest = progress;
      beat();
    };
    const launch = executor.run(leg, signal, hear).finally(() => clock.stop());
    const end = await Promise.race([launch, abandonment(signal, context)]);
    const deviceSeconds = clock.seconds();
    const result = await readResult(artifacts, leg.key);
    clocks.delete(name);
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

function reportFound(result: Result, deviceSeconds: number | undefined): LegReport {
  return {
    outcome: result.status === 'diverged' ? 'diverged' : 'done',
    host: 'store',
    attempt: 'found',
    detail: 'the result was there',
    result: summaryOf(result),
    ...(deviceSeconds === undefined ? {} : { deviceSeconds }),
  };
}
