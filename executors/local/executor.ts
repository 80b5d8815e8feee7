import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Executor, LegEnd, LegProcess, LegWatch, LegWord } from '../../leg/ports.ts';
import type { Position, Progress } from '../../leg/result.ts';
import type { Leg } from '../../leg/spec.ts';
import { digestJson } from '../../study/canonical.ts';
import { classify, describeEnd } from './classify.ts';
import { CUDA_FILES, endWithoutDevice } from './device.ts';
import { startLegProcess, type LegProcessEnd } from './process.ts';

export type LocalExecutorOptions = {
  /** The program that runs a leg, e.g. `[process.execPath, 'bin/trainer.ts']`. */
  readonly command: readonly [string, ...string[]];
  /** What a leg's process may know: the store, caches, paths. Nothing else is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  readonly logFolder: string;
  readonly stopGraceSeconds?: number;
  readonly stallSeconds?: number;
  /** How long a leg goes on that nobody waits for. */
  readonly orphanGraceSeconds?: number;
  /** One of these files is there where this machine has a CUDA device. */
  readonly cudaFiles?: readonly string[];
};

/** A leg under way, and who waits for it. */
type Running = {
  readonly ended: Promise<LegEnd>;
  readonly stop: () => void;
  readonly word: () => LegWord;
  readonly watches: Set<LegWatch>;
};

const REPORT_MILLISECONDS = 5000;

/**
 * Runs legs as child processes of the worker. A key runs once: a second call adopts the process under
 * way. How many run at once is the worker's count of slots.
 */
export function createLocalExecutor(options: LocalExecutorOptions): Executor {
  const underWay = new Map<string, Running>();
  const orphanGrace = (options.orphanGraceSeconds ?? 60) * 1000;
  const stopOrphan = (running: Running): void => {
    if (running.watches.size === 0) running.stop();
  };
  return {
    name: 'local',
    run: async (leg, watch) => {
      const refused = endWithoutDevice(leg, options.cudaFiles ?? CUDA_FILES);
      if (refused !== undefined) return refused;
      const running = underWay.get(leg.key) ?? startRunning(options, leg);
      underWay.set(leg.key, running);
      running.watches.add(watch);
      const leave = (): void => {
        running.watches.delete(watch);
        if (watch.signal.reason === 'abandon') setTimeout(stopOrphan, orphanGrace, running).unref();
        else running.stop();
      };
      if (watch.signal.aborted) leave();
      else watch.signal.addEventListener('abort', leave, { once: true });
      const timer = setInterval(() => watch.report(running.word()), REPORT_MILLISECONDS);
      try {
        return await running.ended;
      } finally {
        clearInterval(timer);
        watch.signal.removeEventListener('abort', leave);
        if (underWay.get(leg.key) === running) underWay.delete(leg.key);
      }
    },
    stop: async ({ key }) => {
      const running = underWay.get(key);
      running?.stop();
      await running?.ended;
    },
  };
}

function startRunning(options: LocalExecutorOptions, leg: Leg): Running {
  const name = `n${leg.launch}-${randomBytes(4).toString('hex')}`;
  const watches = new Set<LegWatch>();
  const process = { name, host: hostname(), startedAt: new Date().toISOString() };
  const started = performance.now();
  let progress: Progress | undefined;
  const soFar = (): LegProcess => ({ ...process, seconds: (performance.now() - started) / 1000 });
  const child = startLegProcess({
    command: options.command,
    environment: {
      ...options.environment,
      KDX_LEG: digestJson(leg),
      KDX_PROCESS: name,
    },
    logFile: join(options.logFolder, `${leg.key.slice(0, 16)}-${name}.log`),
    stopGraceSeconds: options.stopGraceSeconds ?? 120,
    stallSeconds: options.stallSeconds ?? 300,
    onProgress: (latest) => {
      progress = latest;
      for (const watch of watches) watch.report(wordOf(soFar(), progress));
    },
  });
  const ended = child.ended.then((end) => endOf(end, soFar(), progress));
  return { ended, stop: child.stop, word: () => wordOf(soFar(), progress), watches };
}

function wordOf(process: LegProcess, progress: Progress | undefined): LegWord {
  return {
    processes: [process],
    deviceSeconds: process.seconds,
    ...(progress === undefined ? {} : { progress }),
  };
}

function endOf(end: LegProcessEnd, ran: LegProcess, progress: Progress | undefined): LegEnd {
  const reached: Position | undefined = progress && {
    epoch: progress.epoch,
    step: progress.step,
  };
  const exit = end.exitCode ?? end.signal;
  const process = {
    ...ran,
    endedAt: new Date().toISOString(),
    ...(exit === undefined ? {} : { exit }),
  };
  return {
    outcome: classify(end),
    detail: describeEnd(end, end.lastLine),
    host: ran.host,
    processes: [process],
    deviceSeconds: ran.seconds,
    ...(reached === undefined ? {} : { reached }),
  };
}
