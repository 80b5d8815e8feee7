import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readToolchain } from '../../stack/toolchain.ts';

/** A real server of a test, on ports of its own with its state in a temporary folder. */
export type TestServer = {
  /** What clients connect to. */
  readonly url: string;
  readonly pid: number;
  readonly log: string;
  /** Ends it and removes its state. */
  stop(): Promise<void>;
  /** Kills it and leaves its state; `restart` brings it back. */
  kill(): Promise<void>;
  /** Kills it where it runs and starts it again on the same ports and the same state. */
  restart(): Promise<void>;
};

export type Recipe = {
  readonly name: string;
  readonly url: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly folder: string;
  /** Whether it serves; may throw while it does not. */
  readonly isReady: () => Promise<boolean>;
};

const GUARD = fileURLToPath(new URL('../../stack/guard/guard.py', import.meta.url));
const START_SECONDS = 60;

/** A folder for the state of one server. */
export function serverFolder(name: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `kdx-test-${name}-`));
}

/** Ports that nothing listens on, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const held: Server[] = [];
  for (let i = 0; i < count; i++) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    held.push(server);
  }
  const ports = held.map((server) => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port was given');
    return address.port;
  });
  await Promise.all(held.map((server) => once(server.close(), 'close')));
  return ports;
}

/** Starts a server and resolves when it serves. It dies with the test process, however that ends. */
export async function startServer(recipe: Recipe): Promise<TestServer> {
  const log = join(recipe.folder, `${recipe.name}.log`);
  let child = await launch(recipe, log);
  return {
    url: recipe.url,
    get pid() {
      return child.pid ?? 0;
    },
    log,
    kill: () => end(child),
    async restart() {
      await end(child);
      child = await launch(recipe, log);
    },
    async stop() {
      await end(child);
      await rm(recipe.folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function launch(recipe: Recipe, log: string): Promise<ChildProcess> {
  const { python } = await readToolchain();
  await mkdir(recipe.folder, { recursive: true });
  const child = spawn(python, [GUARD, String(process.pid), recipe.program, ...recipe.args], {
    cwd: recipe.folder,
    env: { ...process.env, ...recipe.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = createWriteStream(log, { flags: 'a' });
  child.stdout.pipe(output, { end: false });
  child.stderr.pipe(output, { end: false });
  child.once('close', () => output.end());
  const deadline = performance.now() + START_SECONDS * 1000;
  while (!(await recipe.isReady().catch(() => false))) {
    const isDead = child.exitCode !== null || child.signalCode !== null;
    if (isDead || performance.now() > deadline) {
      await end(child);
      const tail = (await readFile(log, 'utf8')).slice(-2000);
      throw new Error(`${recipe.name} did not start (${recipe.program}):\n${tail}`);
    }
    await sleep(50);
  }
  return child;
}

/** Killed outright: what a server must not lose it must not lose this way either, and it is quick. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}
