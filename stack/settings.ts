import { randomBytes } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { z } from 'zod';
import { KdxError } from '../leg/errors.ts';
import { readJson, writeJson } from './files.ts';
import type { Layout } from './layout.ts';

const PORT_NAMES = [
  ...['temporal', 'temporalUi', 'temporalHttp', 'temporalMetrics'],
  ...['s3', 's3Grpc', 's3Console', 'master', 'masterGrpc', 'volume', 'volumeGrpc'],
  ...['filer', 'filerGrpc', 'mlflow'],
] as const;

const schema = z.strictObject({
  version: z.literal(1),
  ports: z.record(z.string(), z.int().min(1).max(65_535)),
  credentials: z.strictObject({ accessKey: z.string().min(3), secretKey: z.string().min(8) }),
});

/** What a stack chooses once and keeps: ports and the credentials of its object store. */
export type Settings = z.output<typeof schema>;

/** Below the range that outgoing connections take their ports from. */
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 32_000;

/**
 * The settings of a stack, chosen on first use. A kept port that something else listens on by now is
 * chosen anew; call this only while the stack is down.
 */
export async function provideSettings(layout: Layout): Promise<Settings> {
  await mkdir(layout.home, { recursive: true });
  const kept = await readSettings(layout);
  const ports: Record<string, number> = {};
  for (const name of PORT_NAMES) {
    ports[name] = await freePort(kept?.ports[name], new Set(Object.values(ports)));
  }
  const credentials = kept?.credentials ?? {
    accessKey: `kdx${randomBytes(8).toString('hex')}`,
    secretKey: randomBytes(24).toString('hex'),
  };
  const settings: Settings = { version: 1, ports, credentials };
  await writeJson(layout.settings, settings, 0o600);
  await chmod(layout.settings, 0o600);
  return settings;
}

/** The settings as kept, or undefined when this stack never ran. */
export async function readSettings(layout: Layout): Promise<Settings | undefined> {
  const value = await readJson(layout.settings);
  if (value === undefined) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problem = z.prettifyError(parsed.error);
  throw new KdxError('Configuration', `${layout.settings}: ${problem}; correct or remove it`);
}

/** Kept ports that something listens on. While the stack is down it is something else. */
export async function takenPorts(layout: Layout): Promise<readonly number[]> {
  const ports = Object.values((await readSettings(layout))?.ports ?? {});
  const free = await Promise.all(ports.map(isFree));
  return ports.filter((_, index) => free[index] === false);
}

/** One port of the settings by its name. */
export function portOf(settings: Settings, name: (typeof PORT_NAMES)[number]): number {
  const port = settings.ports[name];
  if (port === undefined) throw new KdxError('Configuration', `no port is kept for ${name}`);
  return port;
}

async function freePort(kept: number | undefined, taken: ReadonlySet<number>): Promise<number> {
  if (kept !== undefined && !taken.has(kept) && (await isFree(kept))) return kept;
  for (;;) {
    const span = HIGHEST_PORT - LOWEST_PORT;
    const port = LOWEST_PORT + (randomBytes(4).readUInt32LE() % span);
    if (!taken.has(port) && (await isFree(port))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
