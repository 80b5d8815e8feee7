import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { KdxError } from '../../leg/errors.ts';
import type { Progress } from '../../leg/result.ts';
import type { ProcessEnd } from './classify.ts';
import { createStallWatch } from '../stall.ts';

/** How one process is run: all that differs between a real leg and a test's. */
export type LegProcessOptions = {
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  /** The whole environment of the process: nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Between SIGTERM and SIGKILL: a step and a checkpoint fit into it. */
  readonly stopGraceSeconds: number;
  /** Without progress for longer than this, and than ten steps, a leg is stalled. */
  readonly stallSeconds: number;
  readonly onProgress: (progress: Progress) => void;
};

export type LegProcessEnd = ProcessEnd & { readonly lastLine: string };

/** A leg's process under way. */
export type LegProcess = {
  readonly ended: Promise<LegProcessEnd>;
  /** Asks it to write a checkpoint and exit 75; kills it when it does not within the grace. */
  stop(): void;
};

const STALL_CHECK_MILLISECONDS = 1000;

/**
 * Starts a leg as a child process that shares a channel with this one: progress comes through it, and
 * its closing, should this process die, tells the leg to stop.
 * The child has a process group of its own, so that Ctrl-C reaches it through us and not twice.
 */
export function startLegProcess(options: LegProcessOptions): LegProcess {
  const killsBefore = outOfMemoryKills();
  const child = spawnLeg(options);
  const state = { stalled: false, overdue: false };
  const stall = createStallWatch(performance.now(), options.stallSeconds * 1000);
  const stallTimer = setInterval(() => {
    if (!stall.isStalled(performance.now())) return;
    state.stalled = true;
    child.kill('SIGKILL');
  }, STALL_CHECK_MILLISECONDS);
  let overdueTimer: NodeJS.Timeout | undefined;
  child.on('message', (message) => {
    if (!isProgress(message)) return;
    stall.heard(message, performance.now());
    options.onProgress(message);
  });
  const end = async (): Promise<LegProcessEnd> => {
    try {
      const { exitCode, signal } = await exitOf(child, options.command);
      const outOfMemoryKill = outOfMemoryKills() > killsBefore;
      const lastLine = lastLineOf(options.logFile);
      return { exitCode, signal, ...state, outOfMemoryKill, lastLine };
    } finally {
      clearInterval(stallTimer);
      clearTimeout(overdueTimer);
    }
  };
  const stop = (): void => {
    if (overdueTimer !== undefined) return;
    overdueTimer = setTimeout(() => {
      state.overdue = true;
      child.kill('SIGKILL');
    }, options.stopGraceSeconds * 1000);
    child.kill('SIGTERM');
  };
  return { ended: end(), stop };
}

function spawnLeg({ command, environment, logFile }: LegProcessOptions): ChildProcess {
  const [file, ...parameters] = command;
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a');
  try {
    const stdio = ['ignore', log, log, 'ipc'] as const;
    return spawn(file, parameters, { stdio: [...stdio], env: { ...environment }, detached: true });
  } finally {
    closeSync(log);
  }
}

type Exit = Pick<ProcessEnd, 'exitCode' | 'signal'>;

function exitOf(child: ChildProcess, command: readonly string[]): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once('exit', (exitCode, signal) => {
      resolve({ exitCode: exitCode ?? undefined, signal: signal ?? undefined });
    });
    child.on('error', (cause) => {
      // Also told of a message or signal that came too late; then the exit has been seen, or will be.
      if (child.pid !== undefined) return;
      reject(new KdxError('Configuration', `cannot start ${command.join(' ')}`, { cause }));
    });
  });
}

function isProgress(message: unknown): message is Progress {
  return typeof message === 'object' && message !== null && 'epoch' in message && 'step' in message;
}

/** The kernel's count of out-of-memory kills on this machine; 0 where it keeps none. */
function outOfMemoryKills(): number {
  try {
    const count = /^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'utf8'))?.[1];
    return Number(count ?? 0);
  } catch {
    return 0; // Not Linux: a kill for want of memory is then told as a disruption.
  }
}

const MAX_LINE = 300;

function lastLineOf(file: string): string {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return (lines.at(-1) ?? '').slice(0, MAX_LINE);
}
