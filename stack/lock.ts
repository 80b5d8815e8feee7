import { once } from 'node:events';
import { mkdir, stat } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';

/** The right to supervise one stack, held by this process until it releases it or ends. */
export type StackLock = { release(): void };

/** Another process that has the lock. */
export type Holder = {
  /** Undefined when it does not answer, for instance because it is stopped. */
  readonly pid: number | undefined;
  /** Resolves when the lock is free again. */
  readonly released: Promise<void>;
  /** Stops looking. */
  forget(): void;
};

const ANSWER_MILLISECONDS = 2000;

/**
 * Takes the lock of the stack in a folder; undefined when another process has it.
 *
 * The lock is a listening socket in Linux's abstract namespace: the kernel gives its name to one process
 * and takes it back when that process ends, however it ends. Nothing can be left over on the disk.
 */
export async function takeLock(home: string): Promise<StackLock | undefined> {
  await mkdir(home, { recursive: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.unref());
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.write(`${process.pid}\n`);
  });
  server.listen(await nameOf(home)).unref();
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
  return {
    release() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** The process that has the lock of the stack in a folder; undefined when none has. */
export async function lockHolder(home: string): Promise<Holder | undefined> {
  const name = await nameOf(home).catch(() => undefined);
  if (name === undefined) return undefined;
  const socket = connect(name);
  const released = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => socket.destroy());
  const said = new Promise<string>((resolve) => {
    socket.once('data', (text) => resolve(String(text)));
    setTimeout(resolve, ANSWER_MILLISECONDS, '').unref();
  });
  const pid = await Promise.race([said, released]);
  if (socket.destroyed) return undefined;
  return { pid: Number(pid) || undefined, released, forget: () => socket.destroy() };
}

/** One folder has one name, by whichever path and from whichever container it is reached. */
async function nameOf(home: string): Promise<string> {
  const { dev, ino } = await stat(home);
  return `\0kdx-stack-${dev}-${ino}`;
}
