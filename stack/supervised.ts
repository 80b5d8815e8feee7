import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { errorText, KdxError } from '../leg/errors.ts';
import { identityOf, isGroupAlive, trySignal } from './identity.ts';
import type { Service, ServiceState } from './service.ts';

const GUARD = fileURLToPath(new URL('./guard/guard.py', import.meta.url));
const FIRST_DELAY_SECONDS = 0.25;
const LONGEST_DELAY_SECONDS = 10;
/** A server that was ready this long begins again with the first delay. */
const HEALTHY_SECONDS = 30;
/** Deaths before it was ever ready after which the stack gives up. */
const FIRST_ATTEMPTS = 3;
const PROBE_MILLISECONDS = 150;
const TAIL_LINES = 15;

/** A server kept running: an object with a lifetime. */
export type Supervised = {
  readonly service: Service;
  state(): ServiceState;
  /** Resolves when it was ready for the first time; rejects, with its log's tail, when it never is. */
  readonly ready: Promise<void>;
  stop(): Promise<void>;
};

export type Surroundings = {
  /** `serverEnvironment`: all that a server has beside its own variables. */
  readonly env: Readonly<Record<string, string>>;
  readonly python: string;
  readonly logFile: string;
  readonly logger: Logger;
  onChange(): void;
};

type Run = { readonly child: ChildProcess; readonly ended: Promise<string>; gone: boolean };

/** Starts a server and starts it again, after a growing delay, each time it dies, until `stop`. */
export function supervise(service: Service, around: Surroundings): Supervised {
  const stopping = new AbortController();
  const first = Promise.withResolvers<void>();
  let run: Run | undefined;
  let state: ServiceState = {
    name: service.name,
    address: service.address,
    state: 'waiting',
    restarts: 0,
    log: around.logFile,
  };
  const change = (part: Partial<ServiceState>): void => {
    state = { ...state, ...part };
    around.onChange();
  };

  async function once(): Promise<{ readonly cause: string; readonly wasReadySeconds: number }> {
    run = launch(service, around);
    change({ state: 'starting', ...identityOf(run.child.pid ?? 0) });
    const late = await whenReady(service, run, around.logger);
    const since = performance.now();
    const isReady = late === undefined && !run.gone;
    if (isReady && !stopping.signal.aborted) {
      change({ state: 'ready' });
      first.resolve();
    } else if (!run.gone) await endGroup(run, service.graceSeconds);
    const cause = late ?? (await run.ended);
    await endGroup(run, service.graceSeconds);
    return { cause, wasReadySeconds: isReady ? (performance.now() - since) / 1000 : 0 };
  }

  async function keepRunning(): Promise<void> {
    let delaySeconds = FIRST_DELAY_SECONDS;
    for (let attempts = 1; !stopping.signal.aborted; attempts++) {
      const { cause, wasReadySeconds } = await once();
      if (stopping.signal.aborted) break;
      if (wasReadySeconds === 0 && attempts >= FIRST_ATTEMPTS && state.restarts < attempts) {
        first.reject(await neverReady(service, cause, around.logFile));
      }
      if (wasReadySeconds > HEALTHY_SECONDS) delaySeconds = FIRST_DELAY_SECONDS;
      around.logger.warn({ service: service.name, cause, delaySeconds }, 'died; starting it again');
      change({ state: 'restarting', restarts: state.restarts + 1, cause });
      await sleep(delaySeconds * 1000, undefined, { signal: stopping.signal }).catch(() => {});
      delaySeconds = Math.min(delaySeconds * 2, LONGEST_DELAY_SECONDS);
    }
    change({ state: 'stopped' });
  }

  const kept = keepRunning();
  kept.catch((error: unknown) => first.reject(error));
  return {
    service,
    state: () => state,
    ready: first.promise,
    async stop() {
      stopping.abort();
      first.reject(new KdxError('Stopped', `${service.name} was stopped before it was ready`));
      first.promise.catch(() => {});
      if (run !== undefined) await endGroup(run, service.graceSeconds);
      await kept;
      around.logger.info({ service: service.name }, 'stopped');
    },
  };
}

/**
 * In a session of its own, so that Ctrl-C at the terminal reaches the supervisor alone and all that
 * the server starts can be signalled together.
 */
function launch(service: Service, around: Surroundings): Run {
  const log = openSync(around.logFile, 'a', 0o600);
  const args = [GUARD, String(process.pid), service.program, ...service.args];
  const child = spawn(around.python, args, {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: service.folder,
    env: { ...around.env, ...service.env },
  });
  closeSync(log);
  const ended = Promise.withResolvers<string>();
  const run: Run = { child, ended: ended.promise, gone: false };
  const end = (cause: string): void => {
    run.gone = true;
    ended.resolve(cause);
  };
  child.once('error', (error) => end(error.message));
  child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
  around.logger.info({ service: service.name, pid: child.pid }, 'started');
  return run;
}

/** Resolves when the server is ready or has ended; with why it is not ready when its time is over. */
async function whenReady(service: Service, run: Run, logger: Logger): Promise<string | undefined> {
  const deadline = performance.now() + service.readyWithinSeconds * 1000;
  let reason = '';
  while (!run.gone && performance.now() < deadline) {
    try {
      await Promise.race([service.probe(run.child.pid ?? 0), run.ended]);
      if (!run.gone) logger.info({ service: service.name, pid: run.child.pid }, 'ready');
      return undefined;
    } catch (error) {
      reason = errorText(error);
      await sleep(PROBE_MILLISECONDS);
    }
  }
  if (run.gone) return undefined;
  logger.warn({ service: service.name, reason }, 'not ready in time');
  return `not ready within ${service.readyWithinSeconds} s: ${reason}`;
}

/** Ends a server and whatever it started: asks, waits, then kills. */
async function endGroup(run: Run, graceSeconds: number): Promise<void> {
  const pgid = run.child.pid;
  if (pgid === undefined) return;
  const over = (): boolean => !isGroupAlive(pgid);
  trySignal(-pgid, 'SIGTERM');
  if (await within(graceSeconds, over)) return;
  trySignal(-pgid, 'SIGKILL');
  await within(5, over);
}

async function within(seconds: number, isOver: () => boolean): Promise<boolean> {
  const deadline = performance.now() + seconds * 1000;
  while (!isOver()) {
    if (performance.now() > deadline) return false;
    await sleep(30);
  }
  return true;
}

async function neverReady(service: Service, cause: string, logFile: string): Promise<KdxError> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  const tail = text.trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
  return new KdxError(
    'Configuration',
    `${service.name} did not become ready (${cause}); the end of ${logFile}:\n${tail}`,
  );
}
