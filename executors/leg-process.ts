import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { execa } from 'execa';
import { KdxError } from '../leg/errors.ts';
import type { Progress } from '../leg/result.ts';
import type { ProcessEnd } from './classify.ts';
import { createStallWatch } from './stall.ts';

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

/** A leg's process under way. */
export type LegProcess = {
  readonly ended: Promise<ProcessEnd & { readonly lastLine: string }>;
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
  const [file, ...parameters] = options.command;
  mkdirSync(dirname(options.logFile), { recursive: true });
  const log = openSync(options.logFile, 'a');
  const killsBefore = outOfMemoryKills();
  const child = execa(file, parameters, {
    stdin: 'ignore',
    stdout: log,
    stderr: log,
    ipc: true,
    env: { ...options.environment },
    extendEnv: false,
    detached: true,
    cleanup: false,
    reject: false,
  });
  closeSync(log);
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
  const end = async (): Promise<ProcessEnd & { readonly lastLine: string }> => {
    const { exitCode, signal, cause } = await child;
    clearInterval(stallTimer);
    clearTimeout(overdueTimer);
    if (exitCode === undefined && signal === undefined) {
      throw new KdxError('Configuration', `cannot start ${file}: ${String(cause)}`);
    }
    const outOfMemoryKill = outOfMemoryKills() > killsBefore;
    return { exitCode, signal, ...state, outOfMemoryKill, lastLine: lastLineOf(options.logFile) };
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
