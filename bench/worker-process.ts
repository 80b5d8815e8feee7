import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { KdxError } from '../leg/errors.ts';
import type { Facts } from './training.ts';

/** Who computes: our two engines, and PyTorch in its two memory layouts. */
export const ENGINES = ['recorded', 'eager', 'torch', 'torch-channels-last'] as const;
export type EngineName = (typeof ENGINES)[number];

/** What a worker is started for. */
export type Job = {
  readonly engine: EngineName;
  readonly model: string;
  readonly teacher?: string;
  readonly width?: number;
  readonly batch: number;
  readonly threads: number;
  /** Ours only: oneDNN and our kernels log each operation (`kernel-log.ts`). */
  readonly profiled?: boolean;
};

/** A process that is ready to run steps; between requests it does nothing. */
export type Worker = {
  readonly pid: number;
  readonly facts: Partial<Facts>;
  /** Runs steps and gives the time of each. @throws KdxError CodeBug where the process dies */
  milliseconds(steps: number): Promise<number[]>;
  /** What else it has printed since the last call, in lines. */
  takeLog(): string[];
  stop(): void;
};

/** Characters of a dead worker's last words that are worth showing. */
const LAST_WORDS = 2000;

function argumentsOf({ model, teacher, width, batch, threads }: Job): string[] {
  return [
    ...['--model', model, '--batch', String(batch), '--threads', String(threads)],
    ...(teacher === undefined ? [] : ['--teacher', teacher]),
    ...(width === undefined ? [] : ['--width', String(width)]),
  ];
}

function launch(job: Job, python: string | undefined): ChildProcessWithoutNullStreams {
  const here = import.meta.dirname;
  const { engine, profiled = false } = job;
  if (engine === 'recorded' || engine === 'eager') {
    const program = [join(here, 'worker.ts'), '--engine', engine, ...argumentsOf(job)];
    const log = profiled ? { ONEDNN_VERBOSE: '1', KDX_VERBOSE: '1' } : {};
    const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2', ...log };
    return spawn(process.execPath, program, { env });
  }
  if (python === undefined) throw new KdxError('CodeBug', `${engine} was given no Python.`);
  const layout = engine === 'torch' ? 'nchw' : 'channels_last';
  const program = [join(here, 'torch', 'worker.py'), '--layout', layout, ...argumentsOf(job)];
  return spawn(python, program);
}

/**
 * Starts a worker and waits until it is ready. Gives `undefined` where PyTorch's side lacks the
 * model.
 *
 * @param python of PyTorch's environment
 * @throws KdxError CodeBug where the worker cannot start
 */
export async function startWorker(job: Job, python?: string): Promise<Worker | undefined> {
  const child = launch(job, python);
  let lastWords = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-LAST_WORDS);
  });
  const exited = once(child, 'close');
  const lines: AsyncIterator<string, undefined> = createInterface(child.stdout)[
    Symbol.asyncIterator
  ]();
  let log: string[] = [];
  const receive = async <T>(): Promise<T> => {
    for (let next = await lines.next(); next.value !== undefined; next = await lines.next()) {
      if (next.value.startsWith('{')) return JSON.parse(next.value) as T;
      log.push(next.value);
    }
    await exited;
    throw new KdxError('CodeBug', `${job.engine} of ${job.model} died:\n${lastWords}`);
  };
  const stop = (): void => {
    child.stdin.destroy();
  };
  const { missing, ...facts } = await receive<Partial<Facts> & { missing?: string }>();
  if (missing !== undefined) {
    stop();
    return undefined;
  }
  return {
    pid: child.pid as number,
    facts,
    milliseconds: async (steps) => {
      child.stdin.write(`${steps}\n`);
      return (await receive<{ milliseconds: number[] }>()).milliseconds;
    },
    takeLog: () => {
      const taken = log;
      log = [];
      return taken;
    },
    stop,
  };
}
