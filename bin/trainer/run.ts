import { hostname } from 'node:os';
import type { Logger } from 'pino';

import { KdxError } from '../../leg/errors.ts';
import { EXIT } from '../../leg/outcome.ts';
import type { RunRecord } from '../../leg/result.ts';
import { parseLeg } from '../../leg/schema.ts';
import type { Leg } from '../../leg/spec.ts';
import { codeIndexOfBuild } from '../../learning/code/build.ts';
import type { WorkEnd } from '../../learning/context.ts';
import { configureProcess } from '../../learning/engine/environment.ts';
import type { LegPorts } from '../../leg/ports.ts';
import { openLegPorts } from '../../stores/leg-ports.ts';
import { readResult } from '../../stores/results.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { openS3Store } from '../../stores/s3.ts';
import { codeOf, codeUseOf } from '../../study/code.ts';
import { ROOT } from '../../environment/root.ts';
import { watchDeviceMemory } from '../../learning/device-memory.ts';
import { readLegEnvironment, type LegEnvironment } from '../../environment/trainer.ts';

const STORED_PROGRESS_SECONDS = 15;

export type RunOptions = {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly stopRequested: () => boolean;
  readonly log: Logger;
};

/**
 * Runs the leg that the environment names and gives the exit code. With 0 its result is in the store.
 *
 * @throws KdxError whose code says the exit code
 */
export async function runLeg({ variables, stopRequested, log }: RunOptions): Promise<number> {
  const environment = readLegEnvironment(variables);
  const store = openS3Store(environment.s3);
  const leg = await readLeg(store, environment.leg);
  if ((await readResult(store, leg.key)) !== undefined) {
    log.info({ key: leg.key }, 'the result is there already');
    return EXIT.done;
  }
  await checkCode(leg);
  if (stopRequested()) return EXIT.stopped;
  const end = await runWork(leg, environment, store, { stopRequested, log });
  log.info({ key: leg.key, outcome: end.outcome, rate: end.imagesPerSecond }, 'the leg has ended');
  return end.outcome === 'stopped' ? EXIT.stopped : EXIT.done;
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
  environment: LegEnvironment,
  store: ArtifactStore,
  { stopRequested, log }: Pick<RunOptions, 'stopRequested' | 'log'>,
): Promise<WorkEnd> {
  const { key, spec, trial } = leg;
  const { process: name, cacheDir, cacheBytes, checkpointSeconds } = environment;
  const startedAt = new Date().toISOString();
  const started = performance.now();
  const warn = (message: string): void => log.warn({ key }, message);
  const cache = {
    ...(cacheDir === undefined ? {} : { cacheDir }),
    ...(cacheBytes === undefined ? {} : { cacheBytes }),
  };
  const stored = openLegPorts({ store, key, ...cache, warn });
  const ports = { ...stored, progress: progressPort(stored), stopRequested };

  configureProcess(spec.device);
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
      ...{ process: name, startedAt, seconds, deviceClass },
      ...(peakDeviceBytes === undefined ? {} : { peakDeviceBytes }),
    }),
  );
  if (end.outcome !== 'stopped') await ports.commitResult(end.result);
  return end;
}

/** To the parent at once; to the store, where a person looks for it, now and then. */
function progressPort(stored: Pick<LegPorts, 'progress'>): LegPorts['progress'] {
  let written = Number.NEGATIVE_INFINITY;
  return (progress) => {
    // An error means that the parent is gone: then the channel's closing is heard as well.
    if (process.connected) process.send?.(progress, undefined, {}, () => undefined);
    const now = performance.now();
    if (now < written + STORED_PROGRESS_SECONDS * 1000) return;
    written = now;
    stored.progress(progress);
  };
}

function describeRun(
  { key, study, trial, launch, spec }: Leg,
  { outcome, imagesPerSecond, inputSeconds, resumedFrom }: WorkEnd,
  ran: Pick<RunRecord, 'process' | 'startedAt' | 'seconds' | 'deviceClass' | 'peakDeviceBytes'>,
): RunRecord {
  return {
    ...{ schema: 1, key, study, trial, launch, outcome, ...ran },
    ...(imagesPerSecond === undefined ? {} : { imagesPerSecond }),
    ...(inputSeconds === undefined ? {} : { inputSeconds }),
    peakBytes: process.resourceUsage().maxRSS * 1024,
    ...(resumedFrom === undefined ? {} : { resumedFrom }),
    host: hostname(),
    code: spec.code,
  };
}
