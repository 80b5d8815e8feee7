import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';

import { KdxError } from '../../leg/errors.ts';
import { EXIT } from '../../leg/outcome.ts';
import type { RunRecord } from '../../leg/result.ts';
import { parseLeg } from '../../leg/schema.ts';
import type { Leg } from '../../leg/spec.ts';
import { computeCodeIndex } from '../../learning/code.ts';
import type { WorkEnd } from '../../learning/context.ts';
import { configureProcess } from '../../learning/engine/environment.ts';
import { resultName } from '../../stores/names.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { openS3Store } from '../../stores/s3.ts';
import { codeOf, codeUseOf } from '../../study/code.ts';
import { ROOT } from '../kdx/stack/layout.ts';
import { cachedIn } from './cache.ts';
import { readLegEnvironment, type LegEnvironment } from './environment.ts';
import { createPorts } from './ports.ts';

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
  if ((await store.get(resultName(leg.key))) !== undefined) {
    log.info({ key: leg.key }, 'the result is there already');
    return EXIT.done;
  }
  checkCode(leg);
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
function checkCode({ spec }: Leg): void {
  const found = codeOf(computeCodeIndex(ROOT), codeUseOf(spec));
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
  const { attempt, cacheDir, checkpointSeconds } = environment;
  const startedAt = new Date().toISOString();
  const started = performance.now();
  const warn = (message: string): void => log.warn({ key }, message);
  const fetch = (digest: string): Promise<Uint8Array> => store.getBlob(digest);
  const readBlob = cacheDir === undefined ? fetch : cachedIn(join(cacheDir, 'blobs'), fetch, warn);
  const send = (progress: object): void => {
    // An error means that the parent is gone: then the channel's closing is heard as well.
    if (process.connected) process.send?.(progress, undefined, {}, () => undefined);
  };
  const ports = createPorts({ store, readBlob, key, attempt, stopRequested, send, warn });

  configureProcess({ threads: spec.device.threads });
  const { work, deviceClassOf } = await import('../../learning/leg.ts');
  const deviceClass = deviceClassOf(spec.device);
  const now = (): number => performance.now() / 1000;
  const context = { key, trial, attempt, ports, deviceClass, checkpointSeconds, now, warn };
  const end = await work(spec, context);
  const seconds = (performance.now() - started) / 1000;
  await ports.recordRun(describeRun(leg, end, { attempt, startedAt, seconds, deviceClass }));
  if (end.outcome !== 'stopped') await ports.commitResult(end.result);
  return end;
}

function describeRun(
  { key, study, trial, launch, spec }: Leg,
  { outcome, imagesPerSecond, inputSeconds, resumedFrom }: WorkEnd,
  attempt: Pick<RunRecord, 'attempt' | 'startedAt' | 'seconds' | 'deviceClass'>,
): RunRecord {
  return {
    ...{ schema: 1, key, study, trial, launch, outcome, ...attempt },
    ...(imagesPerSecond === undefined ? {} : { imagesPerSecond }),
    ...(inputSeconds === undefined ? {} : { inputSeconds }),
    peakBytes: process.resourceUsage().maxRSS * 1024,
    ...(resumedFrom === undefined ? {} : { resumedFrom }),
    host: hostname(),
    code: spec.code,
  };
}
