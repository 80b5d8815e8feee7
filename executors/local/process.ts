import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { KdxError } from '../../leg/errors.ts';
import type { Lease } from '../../leg/result.ts';
import { isStalled } from '../../leg/stall.ts';
import type { ProcessEnd } from './classify.ts';
import { watchMemoryKills } from './memory-kills.ts';

/** How one process is run: all that differs between a real leg and a test's. */
export type ChildOptions = {
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  /** The whole environment of the process: nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Between SIGTERM and SIGKILL: a step and a checkpoint fit into it. */
  readonly stopGraceSeconds: number;
  /** Without progress for longer than this, and than ten steps, a leg is stalled. */
  readonly stallSeconds: number;
  /** The lease that was written for the process before it was started. */
  readonly lease: Lease;
  /** Called with each change of the lease that the process holds. */
  readonly onChange: (lease: Lease) => void;
};

/** A leg's process under way. */
export type Child = {
  readonly ended: Promise<ProcessEnd>;
  /** Asks it to write a checkpoint and exit 75; kills it when it does not within the grace. */
  stop(): void;
};

const STALL_CHECK_MILLISECONDS = 1000;
const memoryKills = watchMemoryKills();

/**
 * Starts a leg as a child process that shares a channel with this one: its lease comes through it, and
 * its closing, should this process die, tells the leg to stop.
 * The child has a process group of its own, so that Ctrl-C reaches it through us and not twice.
 */
export function startChild(options: ChildOptions): Child {
  const child = spawnLeg(options);
  const state = { stalled: false, overdue: false };
  let { lease } = options;
  let heardAt = performance.now();
  const startedAt = heardAt;
  // What comes by the channel needs no store: its outages do not matter here.
  const isQuiet = (): boolean =>
    isStalled(
      { lease, ageSeconds: (performance.now() - heardAt) / 1000 },
      {
        runningSeconds: (performance.now() - startedAt) / 1000,
        storeSeconds: Number.POSITIVE_INFINITY,
        minSeconds: options.stallSeconds,
      },
    );
  const stallTimer = setInterval(() => {
    if (!isQuiet()) return;
    state.stalled = true;
    child.kill('SIGKILL');
  }, STALL_CHECK_MILLISECONDS);
  let overdueTimer: NodeJS.Timeout | undefined;
  child.on('message', (message) => {
    if (!isLease(message)) return;
    lease = message;
    heardAt = performance.now();
    options.onChange(message);
  });
  const end = async (): Promise<ProcessEnd> => {
    try {
      const { exitCode, signal } = await exitOf(child, options.command);
      const outOfMemoryKill = signal === 'SIGKILL' && memoryKills.attribute();
      return { exitCode, signal, ...state, outOfMemoryKill };
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

function spawnLeg({ command, environment, logFile }: ChildOptions): ChildProcess {
  const [file, ...parameters] = command;
  try {
    mkdirSync(dirname(logFile), { recursive: true });
    const log = openSync(logFile, 'a');
    try {
      const stdio = ['ignore', log, log, 'ipc'] as const;
      return spawn(file, parameters, {
        stdio: [...stdio],
        env: { ...environment },
        detached: true,
      });
    } finally {
      closeSync(log);
    }
  } catch (cause) {
    throw startFailure(command, cause);
  }
}

/** What a machine is short of for a while: processes, descriptors, memory. */
const SHORTAGES = ['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM'];

function startFailure(command: readonly string[], cause: unknown): KdxError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const kind = SHORTAGES.includes(code) ? 'Disrupted' : 'Configuration';
  return new KdxError(kind, `cannot start ${command.join(' ')}`, { cause });
}

type Exit = Pick<ProcessEnd, 'exitCode' | 'signal'>;

function exitOf(child: ChildProcess, command: readonly string[]): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once('exit', (exitCode, signal) => {
      resolve({ exitCode: exitCode ?? undefined, signal: signal ?? undefined });
    });
    child.on('error', (cause) => {
      // `error` also fires for a message sent after exit; `exit` covers that case.
      if (child.pid === undefined) reject(startFailure(command, cause));
    });
  });
}

function isLease(message: unknown): message is Lease {
  return typeof message === 'object' && message !== null && 'intervalSeconds' in message;
}
