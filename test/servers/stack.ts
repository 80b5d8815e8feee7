import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { execa } from 'execa';
import type { Environment } from '../../environment/environment.ts';
import { layoutOf } from '../../stack/layout.ts';
import type { StackRecord } from '../../stack/record.ts';
import type { ServiceName } from '../../stack/service.ts';
import { readSettings } from '../../stack/settings.ts';
import { connections } from '../../stack/stack.ts';

/** The program behind `npm run kdx`. */
export const KDX = join(import.meta.dirname, '../../bin/kdx.ts');

export type StackStatus = Omit<StackRecord, 'services'> & {
  readonly up: boolean;
  readonly healthy: boolean;
  readonly disk?: string;
  /** `failing`: the process is there, and does not do its work. */
  readonly services: readonly (Omit<StackRecord['services'][number], 'state'> & {
    readonly state: StackRecord['services'][number]['state'] | 'failing';
  })[];
};

/** The real command line on a stack of its own, its state in a temporary folder. */
export type TestStack = {
  readonly home: string;
  /** Runs a command to its end, whatever its exit code. */
  kdx(...args: readonly string[]): Promise<CommandEnd>;
  status(): Promise<StackStatus>;
  /** How to reach the servers; there once the stack was up. */
  environment(): Promise<Environment>;
  /** Stops the servers and removes their state. */
  remove(): Promise<void>;
};

export type CommandEnd = {
  readonly exitCode?: number;
  readonly stdout: string;
  readonly stderr: string;
};

/**
 * A stack that is down; `variables` are added to the environment of every command. Its folder has that
 * name, in a folder of its own.
 */
export async function createStack(
  variables: Readonly<Record<string, string>> = {},
  name = 'home',
): Promise<TestStack> {
  const around = await mkdtemp(join(tmpdir(), 'kdx-stack-'));
  const home = join(around, name);
  const run = execa({ reject: false, env: { ...variables, KDX_STATE_DIR: home } });
  const kdx = (...args: readonly string[]): Promise<CommandEnd> =>
    run(process.execPath, [KDX, ...args]);
  return {
    home,
    kdx,
    status: async () => JSON.parse((await kdx('status', '--json')).stdout) as StackStatus,
    environment: async () => {
      const layout = layoutOf({ KDX_STATE_DIR: home });
      const settings = await readSettings(layout);
      if (settings === undefined) throw new Error(`${home}: no settings were kept`);
      return connections(layout, settings);
    },
    remove: async () => {
      await kdx('down');
      await rm(around, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A client of a stack's Temporal server. Close its connection. */
export async function temporalOf(stack: TestStack): Promise<Client> {
  const { temporal } = await stack.environment();
  const connection = await Connection.connect({ address: temporal.address });
  return new Client({ connection, namespace: temporal.namespace });
}

/** Where one server of a stack runs; 0 while it does not. */
export function pidOf(status: StackStatus, name: ServiceName): number {
  return status.services.find((service) => service.name === name)?.pid ?? 0;
}

/** One process, as /proc tells it. */
export type ProcessEntry = {
  readonly pid: number;
  readonly command: string;
  readonly variables: Readonly<Record<string, string>>;
};

/** Every process that belongs to a stack: its folder is in the command line or in the environment. */
export async function processesOf({ home }: TestStack): Promise<readonly ProcessEntry[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [command, environ] = await Promise.all(
        ['cmdline', 'environ'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8')),
      ).catch(() => ['', '']); // It has ended in the meantime, or is not ours.
      if (!`${command}\0${environ}`.includes(home)) return [];
      const pairs = (environ ?? '').split('\0').map((pair) => {
        const at = pair.indexOf('=');
        return [pair.slice(0, at), pair.slice(at + 1)] as const;
      });
      const words = (command ?? '').replaceAll('\0', ' ').trim();
      return [{ pid: Number(pid), command: words, variables: Object.fromEntries(pairs) }];
    }),
  );
  return found.flat();
}

const PATIENCE_SECONDS = 240;

/** Asks again and again until there is an answer; fails, by the name of what is waited for, when there is none. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const deadline = performance.now() + PATIENCE_SECONDS * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${PATIENCE_SECONDS} s`);
    await sleep(100);
  }
}
