import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

import { ROOT } from '../../../environment/root.ts';
import { publishDigits } from '../../../stores/datasets.ts';
import type { Result } from '../../../leg/result.ts';
import { DEFAULT_RESOURCES, type LegSpec } from '../../../leg/spec.ts';
import type { ArtifactStore } from '../../../stores/artifacts.ts';
import { logName, progressPrefix } from '../../../stores/names.ts';
import { readResult } from '../../../stores/results.ts';
import { openS3Store, type S3Options } from '../../../stores/s3.ts';
import { canonicalJson, digestJson } from '../../../study/canonical.ts';
import { startSeaweedfs } from '../../servers/seaweedfs.ts';

/** A real object store. Legs run against buckets of it as processes, as the executor starts them. */
export type LegWorld = {
  /** A bucket of its own that holds the digits. */
  bucket(): Promise<LegBucket>;
  stop(): Promise<void>;
};

export type LegBucket = {
  readonly s3: S3Options;
  readonly store: ArtifactStore;
  /** Runs `bin/trainer.ts` to its end. */
  run(spec: unknown, options?: RunOptions): Promise<LegExit>;
  /** The result of a spec, and the bytes of every file it names. */
  outcome(spec: LegSpec): Promise<LegOutcome>;
};

export type RunOptions = {
  /** Variables of the process that differ; undefined: not set. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
  /** Fields of the leg that differ. */
  readonly leg?: Readonly<Record<string, unknown>>;
  readonly onStart?: (leg: LegControl) => void;
};

/** What can happen to a leg from outside. */
export type LegControl = {
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Closes the channel, as the death of the parent does. */
  readonly disconnect: () => void;
};

export type LogLine = {
  readonly level: number;
  readonly msg: string;
  readonly code?: string;
};

export type LegExit = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly process: string;
  /** Its standard error: JSON lines and TensorFlow's notice; a test fails where there is more. */
  readonly log: readonly LogLine[];
  readonly stdout: string;
  /** Objects that were not there before it, but for its lease and its log. */
  readonly wrote: readonly string[];
};

export type LegOutcome = {
  readonly result: Result;
  readonly files: Readonly<Record<string, Uint8Array>>;
};

export const WARNING = 40;
export const ERROR = 50;

export async function startLegWorld(): Promise<LegWorld> {
  const server = await startSeaweedfs();
  let buckets = 0;
  return {
    bucket: () => openBucket(server.s3(`leg-${(buckets += 1)}`)),
    stop: () => server.stop(),
  };
}

/** A bucket with the digits, on whichever server. */
export async function openBucket(s3: S3Options): Promise<LegBucket> {
  const store = openS3Store(s3);
  await store.ensureBucket();
  await publishDigits(store, ROOT);
  let processes = 0;
  const run = async (spec: unknown, options: RunOptions = {}): Promise<LegExit> => {
    const key = digestJson(spec);
    const leg = {
      ...{ key, spec, trial: 't', study: 's', run: '0'.repeat(8), launch: 0 },
      resources: DEFAULT_RESOURCES,
      ...options.leg,
    };
    const { digest } = await store.putBlob(new TextEncoder().encode(canonicalJson(leg)));
    const name = `a${(processes += 1)}`;
    const variables = {
      PATH: process.env['PATH'],
      KDX_S3_ENDPOINT: s3.endpoint,
      KDX_S3_ACCESS_KEY: s3.accessKey,
      KDX_S3_SECRET_KEY: s3.secretKey,
      KDX_S3_BUCKET: s3.bucket,
      KDX_LEG: digest,
      KDX_PROCESS: name,
      ...options.variables,
    };
    // As the executor does for processes whose end it has seen.
    for (const lease of await store.list(progressPrefix(key))) await store.remove(lease);
    const before = new Set(await store.list(''));
    const exit = await runProcess(variables, options.onStart);
    const wrote = (await store.list('')).filter(
      (object) =>
        !before.has(object) &&
        ![progressPrefix(key), logName(key, name)].some((own) => object.startsWith(own)),
    );
    return { process: name, ...exit, wrote };
  };
  return { s3, store, run, outcome: (spec) => readOutcome(store, digestJson(spec)) };
}

async function runProcess(
  env: NodeJS.ProcessEnv,
  onStart: RunOptions['onStart'],
): Promise<Omit<LegExit, 'process' | 'wrote'>> {
  const child = spawn(process.execPath, [join(ROOT, 'bin/trainer.ts')], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  // Not `close`, which never comes where we have closed the channel ourselves.
  const exit = once(child, 'exit');
  const output = Promise.all([text(child.stdout as Readable), text(child.stderr as Readable)]);
  onStart?.({
    kill: (signal) => child.kill(signal),
    disconnect: () => child.disconnect(),
  });
  const [code, signal] = (await exit) as [number | null, NodeJS.Signals | null];
  const [stdout, stderr] = await output;
  return { code, signal, stdout, log: parseLog(stderr) };
}

/** What TensorFlow itself prints when it is loaded, or on a CPU without AVX-512, whatever its log level. */
const TENSORFLOW_NOTICE =
  /^(WARNING: All log messages before absl|I\d{4} |E\d{4} .* oneDNN supports DT_BFLOAT16 only)/;

function parseLog(said: string): LogLine[] {
  const lines = said.split('\n').filter((line) => line !== '' && !TENSORFLOW_NOTICE.test(line));
  return lines.map((line) => {
    if (line.startsWith('{')) return JSON.parse(line) as LogLine;
    throw new Error(`a leg said what is no JSON line: ${said}`);
  });
}

async function readOutcome(store: ArtifactStore, key: string): Promise<LegOutcome> {
  const result = await readResult(store, key);
  if (result === undefined) throw new Error(`there is no result ${key}`);
  const files = Object.entries(result.files).map(async ([name, { digest }]) => {
    return [name, await store.getBlob(digest)] as const;
  });
  return { result, files: Object.fromEntries(await Promise.all(files)) };
}
