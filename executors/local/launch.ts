import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Outcome } from '../../leg/outcome.ts';
import type { LegEnd, LegProcess, LegWatch, LegWord, Leases } from '../../leg/ports.ts';
import type { Lease } from '../../leg/result.ts';
import type { Leg } from '../../leg/spec.ts';
import { STALL_SECONDS } from '../../leg/stall.ts';
import { digestJson } from '../../study/canonical.ts';
import { findHolder, followLease } from '../lease.ts';
import { classify, describeEnd, type ProcessEnd } from './classify.ts';
import { lastLineOf, tailOf } from './log.ts';
import type { LocalExecutorOptions } from './options.ts';
import { startChild, type Child } from './process.ts';
import type { Slots } from './slots.ts';

/** A launch under way, and who waits for it. */
export type LaunchUnderWay = {
  readonly ended: Promise<LegEnd>;
  readonly watches: Set<LegWatch>;
  word(): LegWord;
  /** The leg is to write a checkpoint and end, wherever it runs. */
  stop(): void;
  /** Nobody waits any longer: what has not been started is not started. */
  abandon(): void;
};

type State = {
  word: LegWord;
  child?: Child;
  /** Of the child, up to now. */
  current?: () => LegWord;
  /** Of a process of another host. */
  holder?: Lease;
};

/** Of a process that could not keep its log itself, this much is kept in the store. */
const LOG_TAIL_BYTES = 65_536;

const NOTHING: LegWord = { processes: [], deviceSeconds: 0 };

/** Follows the process that has the leg, if there is one, or starts one as soon as a slot is free. */
export function startLaunch(options: LocalExecutorOptions, slots: Slots, leg: Leg): LaunchUnderWay {
  const watches = new Set<LegWatch>();
  const waiting = new AbortController();
  const state: State = { word: NOTHING };
  const report = (word: LegWord): void => {
    state.word = word;
    for (const watch of watches) watch.report(word);
  };
  const ended = (async (): Promise<LegEnd> => {
    try {
      const { signal } = waiting;
      const holder = await findHolder(options.leases, leg.key, signal);
      if (holder !== undefined) return await followHolder(options, state, holder, signal, report);
      const free = await slots.take(signal);
      return await runChild(options, state, leg, signal, report).finally(free);
    } catch (error) {
      if (!waiting.signal.aborted) throw error;
      return { ...NOTHING, outcome: 'stopped', detail: 'before it was started', host: hostname() };
    }
  })();
  return {
    ended,
    watches,
    word: () => state.current?.() ?? state.word,
    stop: () => {
      if (state.child !== undefined) return state.child.stop();
      if (state.holder === undefined) return waiting.abort();
      const { key, process } = state.holder;
      // Where the store is away, the trial's own `stop` asks again.
      void options.leases.askToStop(key, process).catch(() => undefined);
    },
    abandon: () => waiting.abort(),
  };
}

async function followHolder(
  { leases }: LocalExecutorOptions,
  state: State,
  holder: Lease,
  signal: AbortSignal,
  report: (word: LegWord) => void,
): Promise<LegEnd> {
  state.holder = holder;
  report(wordOf(holder));
  const last = await followLease(leases, holder, signal, (lease) => report(wordOf(lease)));
  const { outcome = 'disrupted', detail = 'its lease is no longer renewed' } = last?.ended ?? {};
  return { ...wordOf(last ?? holder), outcome, detail, host: holder.host };
}

async function runChild(
  options: LocalExecutorOptions,
  state: State,
  leg: Leg,
  signal: AbortSignal,
  report: (word: LegWord) => void,
): Promise<LegEnd> {
  const { environment, leases, progressSeconds = 15 } = options;
  const name = `${leg.run}-n${leg.launch}-${randomBytes(4).toString('hex')}`;
  const startedAt = new Date().toISOString();
  let lease: Lease = {
    ...{ schema: 1, key: leg.key, process: name, host: hostname(), startedAt },
    ...{ at: startedAt, advancedAt: startedAt, intervalSeconds: progressSeconds },
  };
  // Written before there is a process, so that no other host starts one and every stop finds it.
  await leases.write(lease);
  const logFile = join(options.logFolder, `${leg.key.slice(0, 16)}-${name}.log`);
  const started = performance.now();
  const ranSoFar = (): LegProcess => ({
    ...{ name, host: lease.host, startedAt, seconds: (performance.now() - started) / 1000 },
  });
  try {
    signal.throwIfAborted();
    const child = startChild({
      command: options.command,
      environment: { ...environment, KDX_LEG: digestJson(leg), KDX_PROCESS: name },
      logFile,
      stopGraceSeconds: options.stopGraceSeconds ?? 120,
      stallSeconds: options.stallSeconds ?? STALL_SECONDS,
      lease,
      onChange: (changed) => {
        lease = changed;
        report(wordOfProcess(ranSoFar(), lease));
      },
    });
    state.child = child;
    state.current = () => wordOfProcess(ranSoFar(), lease);
    const end = await child.ended;
    return await conclude(options, lease, ranSoFar(), end, tailOf(logFile, LOG_TAIL_BYTES));
  } catch (error) {
    await endLease(leases, lease, 'disrupted', 'it was not started');
    throw error;
  }
}

/** Leaves in the store what must outlive this worker: that the process has ended, and its last words. */
async function conclude(
  { leases, keepLogTail }: LocalExecutorOptions,
  lease: Lease,
  ran: LegProcess,
  end: ProcessEnd,
  tail: Uint8Array,
): Promise<LegEnd> {
  const outcome = classify(end);
  const detail = describeEnd(end, lastLineOf(tail));
  const exit = end.exitCode ?? end.signal;
  const endedAt = new Date().toISOString();
  if (outcome === 'done') await leases.remove(lease.key, lease.process).catch(() => undefined);
  else await endLease(leases, lease, outcome, detail);
  // What cannot be kept is still in the worker's own folder.
  const log = await keepLogTail?.(lease.key, lease.process, () => tail).catch(() => undefined);
  return {
    ...wordOfProcess({ ...ran, endedAt, ...(exit === undefined ? {} : { exit }) }, lease),
    ...{ outcome, detail, host: ran.host },
    ...(log === undefined ? {} : { log }),
  };
}

/** A lease that cannot be ended grows old. */
async function endLease(
  leases: Leases,
  lease: Lease,
  outcome: Outcome,
  detail: string,
): Promise<void> {
  const at = new Date().toISOString();
  await leases.write({ ...lease, at, ended: { outcome, detail } }).catch(() => undefined);
}

/** What a lease says of its process. Both times are of one clock. */
function wordOf(lease: Lease): LegWord {
  const seconds = (Date.parse(lease.at) - Date.parse(lease.startedAt)) / 1000;
  const { process: name, host, startedAt } = lease;
  return wordOfProcess({ name, host, startedAt, seconds }, lease);
}

function wordOfProcess(
  process: LegProcess,
  { progress, committed }: Pick<Lease, 'progress' | 'committed'>,
): LegWord {
  return {
    processes: [process],
    deviceSeconds: process.seconds,
    ...(progress === undefined ? {} : { progress }),
    ...(committed === undefined ? {} : { reached: committed }),
  };
}
