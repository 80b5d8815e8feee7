import type { Logger } from 'pino';

import { errorText, KdxError } from '../../leg/errors.ts';
import { EXIT, outcomeOfExit } from '../../leg/outcome.ts';
import type { Lease } from '../../leg/result.ts';
import { parseLeg } from '../../leg/schema.ts';
import type { Leg } from '../../leg/spec.ts';
import { codeIndexOfBuild } from '../../learning/code/build.ts';
import type { WorkEnd } from '../../learning/context.ts';
import { configureProcess } from '../../learning/engine/environment.ts';
import type { LegPorts, Leases } from '../../leg/ports.ts';
import { openLegPorts, type StoredLegPorts } from '../../stores/leg-ports.ts';
import { openLeases } from '../../stores/leases.ts';
import { keepLog } from '../../stores/logs.ts';
import { resultName } from '../../stores/names.ts';
import { discardCheckpoints } from '../../stores/checkpoints.ts';
import { readResult } from '../../stores/results.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { openS3Store } from '../../stores/s3.ts';
import { codeOf, codeUseOf } from '../../study/code.ts';
import { ROOT } from '../../environment/root.ts';
import { watchDeviceMemory } from '../../learning/device-memory.ts';
import { readLegEnvironment, type LegEnvironment } from '../../environment/trainer.ts';
import { evaluateToo, progressAfter } from './evaluation-leg.ts';
import { failureOf } from './failure.ts';
import { takeLease, type OwnLease } from './lease.ts';
import { describeRun } from './run-record.ts';

/** What was computed is not given up for an outage of the store. */
const PATIENT_SECONDS = 1800;

export type RunOptions = {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly stopRequested: () => boolean;
  readonly log: Logger;
  /** Receives how to keep the log of this process, once it is known where. */
  readonly keepLogBy: (keep: (log: Uint8Array) => Promise<unknown>) => void;
};

/**
 * Runs the leg that the environment names and gives the exit code. With 0 its result is in the store.
 *
 * @throws KdxError whose code says the exit code
 */
export async function runLeg({
  variables,
  stopRequested,
  log,
  keepLogBy,
}: RunOptions): Promise<number> {
  const environment = readLegEnvironment(variables);
  const store = openS3Store(environment.s3);
  const leg = await readLeg(store, environment.leg);
  const { key } = leg;
  keepLogBy((bytes) => keepLog(store, key, environment.process, bytes));
  if ((await readResult(store, key)) !== undefined) {
    log.info({ key }, 'the result is there already');
    return EXIT.done;
  }
  await checkCode(leg);
  const lease = await takeLease({
    ...{ leases: openLeases(store), key, process: environment.process, host: environment.host },
    ...{ intervalSeconds: environment.progressSeconds, onChange: tellParent },
  });
  try {
    const outcome = await runUnderLease(leg, lease, environment, store, { stopRequested, log });
    await lease.end(outcome, 'by itself').catch(() => undefined);
    if (outcome === 'stopped') return EXIT.stopped;
    await removeLeases(openLeases(store), key).catch((error: unknown) => {
      log.warn({ key }, `its leases stay: ${errorText(error)}`);
    });
    return EXIT.done;
  } catch (error) {
    const { exitCode, message } = failureOf(error);
    await lease.end(outcomeOfExit(exitCode), message).catch(() => undefined);
    throw error;
  }
}

/** Those of all processes that have had the leg: its result is there. */
async function removeLeases(leases: Leases, key: string): Promise<void> {
  for (const { lease } of await leases.list(key)) await leases.remove(key, lease.process);
}

/** An error means that the parent is gone: then the channel's closing is noticed as well. */
function tellParent(lease: Lease): void {
  if (process.connected) process.send?.(lease, undefined, {}, () => undefined);
}

async function runUnderLease(
  leg: Leg,
  lease: OwnLease,
  environment: LegEnvironment,
  store: ArtifactStore,
  { stopRequested, log }: Pick<RunOptions, 'stopRequested' | 'log'>,
): Promise<WorkEnd['outcome']> {
  const { key } = leg;
  if (stopRequested()) return 'stopped';
  if (await lease.isHeldByAnother()) {
    log.info({ key }, 'another process runs this leg');
    return 'stopped';
  }
  configureProcess(leg.spec.device);
  const end = await runWork(leg, lease, environment, store, { stopRequested, log });
  const { outcome, imagesPerSecond: rate } = end;
  log.info({ key, outcome, rate }, 'the leg has ended');
  await evaluateToo(leg, end, { store, log }, async (evaluation) => {
    await checkCode(evaluation);
    const after = { ...lease, progress: progressAfter(leg, lease.progress) };
    await runWork(evaluation, after, environment, store, { stopRequested, log });
  });
  if (outcome !== 'stopped' || !(await store.has(resultName(key)))) return outcome;
  await discardCheckpoints(store, key);
  log.info({ key }, 'another process has left the result');
  return 'done';
}

async function readLeg(store: ArtifactStore, digest: string): Promise<Leg> {
  const bytes = await store.getBlob(digest);
  try {
    return parseLeg(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new KdxError('SpecInvalid', `the leg ${digest} is no JSON`, { cause });
  }
}

/** @throws KdxError CodeMismatch where the sources here are not those that the key was made with */
async function checkCode({ spec }: Leg): Promise<void> {
  const found = codeOf(await codeIndexOfBuild(ROOT), codeUseOf(spec));
  if (found === spec.code) return;
  throw new KdxError('CodeMismatch', `the spec asks for code ${spec.code}; here is ${found}`);
}

async function runWork(
  leg: Leg,
  lease: OwnLease,
  environment: LegEnvironment,
  store: ArtifactStore,
  { stopRequested, log }: Pick<RunOptions, 'stopRequested' | 'log'>,
): Promise<WorkEnd> {
  const { key, spec, trial } = leg;
  const { process: name, host, cacheDir, cacheBytes, checkpointSeconds } = environment;
  const startedAt = new Date().toISOString();
  const started = performance.now();
  const warn = (message: string): void => log.warn({ key }, message);
  const cache = {
    ...(cacheDir === undefined ? {} : { cacheDir }),
    ...(cacheBytes === undefined ? {} : { cacheBytes }),
  };
  const patient = openS3Store({ ...environment.s3, retrySeconds: PATIENT_SECONDS });
  const stored = openLegPorts({ store, patient, key, ...cache, warn });
  const ports = fencedPorts(stored, store, key, lease, stopRequested);

  const { work, deviceClassOf } = await import('../../learning/leg.ts');
  const deviceClass = deviceClassOf(spec.device);
  const now = (): number => performance.now() / 1000;
  const context = { key, trial, process: name, ports, deviceClass, checkpointSeconds, now, warn };
  const memory = watchDeviceMemory(spec.device.kind);
  const end = await work(spec, context);
  const peakDeviceBytes = await memory.stop();
  const seconds = (performance.now() - started) / 1000;
  await ports.recordRun(
    describeRun(leg, end, {
      ...{ process: name, host, startedAt, seconds, deviceClass },
      ...(peakDeviceBytes === undefined ? {} : { peakDeviceBytes }),
    }),
  );
  if (end.outcome !== 'stopped') await ports.commitResult(end.result);
  return end;
}

/**
 * The ports of a leg that ends when its result has come from elsewhere, or when it is asked to in the
 * store: both are looked for between two checkpoints.
 */
function fencedPorts(
  stored: StoredLegPorts,
  store: ArtifactStore,
  key: string,
  lease: OwnLease,
  stopRequested: () => boolean,
): LegPorts {
  let isOver = false;
  return {
    ...stored,
    commitCheckpoint: async (checkpoint) => {
      await stored.commitCheckpoint(checkpoint);
      lease.noteCommitted(checkpoint);
      isOver = await store.has(resultName(key));
    },
    progress: lease.progress,
    stopRequested: () => isOver || stopRequested() || lease.stopRequested(),
  };
}
