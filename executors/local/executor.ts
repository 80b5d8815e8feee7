import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ABANDONED, type Executor, type LegEnd } from '../../leg/executor.ts';
import type { Progress } from '../../leg/result.ts';
import type { Leg } from '../../leg/spec.ts';
import { digestJson } from '../../study/canonical.ts';
import { classify, describeEnd } from './classify.ts';
import { startLegProcess } from './process.ts';

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
};

/** A leg under way, and who waits for it. */
type Launch = {
  readonly ended: Promise<LegEnd>;
  readonly stop: () => void;
  readonly listeners: Set<(progress: Progress) => void>;
};

/**
 * Runs legs as child processes of the worker. A key runs once: a second call adopts the process under
 * way. How many run at once is the worker's count of slots.
 */
export function createLocalExecutor(options: LocalExecutorOptions): Executor {
  const launches = new Map<string, Launch>();
  const orphanGrace = (options.orphanGraceSeconds ?? 60) * 1000;
  const stopOrphan = (launch: Launch): void => {
    if (launch.listeners.size === 0) launch.stop();
  };
  return {
    name: 'local',
    run: async (leg, signal, onProgress) => {
      const launch = launches.get(leg.key) ?? startLaunch(options, leg);
      launches.set(leg.key, launch);
      const listener = (progress: Progress): void => onProgress(progress);
      launch.listeners.add(listener);
      const hear = (): void => {
        launch.listeners.delete(listener);
        if (signal.reason === ABANDONED) setTimeout(stopOrphan, orphanGrace, launch).unref();
        else launch.stop();
      };
      if (signal.aborted) hear();
      else signal.addEventListener('abort', hear, { once: true });
      try {
        return await launch.ended;
      } finally {
        signal.removeEventListener('abort', hear);
        if (launches.get(leg.key) === launch) launches.delete(leg.key);
      }
    },
  };
}

function startLaunch(options: LocalExecutorOptions, leg: Leg): Launch {
  const attempt = `n${leg.launch}-${randomBytes(4).toString('hex')}`;
  const listeners = new Set<(progress: Progress) => void>();
  const child = startLegProcess({
    command: options.command,
    environment: {
      ...options.environment,
      KDX_LEG: digestJson(leg),
      KDX_ATTEMPT: attempt,
    },
    logFile: join(options.logFolder, `${leg.key.slice(0, 16)}-${attempt}.log`),
    stopGraceSeconds: options.stopGraceSeconds ?? 120,
    stallSeconds: options.stallSeconds ?? 300,
    onProgress: (progress) => {
      for (const listener of listeners) listener(progress);
    },
  });
  const ended = child.ended.then((end) => ({
    outcome: classify(end),
    detail: describeEnd(end, end.lastLine),
    attempt,
    host: hostname(),
  }));
  return { ended, stop: child.stop, listeners };
}
