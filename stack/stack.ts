import { accessSync, constants } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { pino } from 'pino';
import type { Logger } from 'pino';
import { checkVariables } from '../environment/environment.ts';
import type { Environment } from '../environment/environment.ts';
import { errorText } from '../leg/errors.ts';
import { checkDisk } from './disk.ts';
import { writeJson } from './files.ts';
import { identityOf } from './identity.ts';
import type { Layout } from './layout.ts';
import { mlflowService } from './mlflow.ts';
import { reapRemains } from './record.ts';
import type { StackRecord } from './record.ts';
import { chooseS3, s3Environment, s3Service } from './s3.ts';
import type { S3Kind } from './s3.ts';
import { serverEnvironment } from './server-environment.ts';
import { SERVICE_NAMES } from './service.ts';
import type { Service, ServiceName, ServiceState } from './service.ts';
import { portOf, provideSettings } from './settings.ts';
import type { Settings } from './settings.ts';
import { supervise } from './supervised.ts';
import type { Supervised } from './supervised.ts';
import { NAMESPACE, temporalService } from './temporal.ts';
import { readToolchain } from './toolchain.ts';
import type { Toolchain } from './toolchain.ts';
import { workerService } from './worker.ts';

const LARGEST_LOG_BYTES = 20 * 1024 * 1024;

/** A stack that this process supervises: an object with a lifetime. */
export type Stack = {
  readonly environment: Environment;
  /**
   * Resolves when studies can run: all are ready but MLflow, which nothing waits for. Rejects with the
   * end of the log of the server that is not.
   */
  readonly working: Promise<void>;
  /** Resolves when MLflow is ready, or with why it does not start; it is tried again all the time. */
  readonly tracking: Promise<string | undefined>;
  /** Stops the servers, the worker first; resolves when none of their processes is left. */
  stop(): Promise<void>;
};

/**
 * Starts the servers of one stack under this process.
 * The caller has the lock of the folder.
 * @throws KdxError `Configuration` when a variable is wrong, `ObjectStore` when the disk is full.
 */
export async function startStack(
  layout: Layout,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<Stack> {
  checkVariables(variables);
  const toolchain = await readToolchain();
  const kind = chooseS3(variables['KDX_S3'], toolchain, isOnPath);
  await Promise.all([layout.run, layout.logs].map((path) => mkdir(path, { recursive: true })));
  const logger = pino({ base: null }, pino.destination(join(layout.logs, 'supervisor.log')));
  await checkDisk(layout);
  const reaped = await reapRemains(layout);
  if (reaped.length > 0) logger.warn({ pids: reaped }, 'killed what a dead supervisor left');
  const settings = await provideSettings(layout);
  const environment = connections(layout, settings);
  const temporal = temporalService(layout, settings, toolchain);
  const services = [
    temporal,
    s3Service(kind, layout, settings, toolchain),
    workerService(environment, variables),
    mlflowService(layout, settings, toolchain),
  ];
  await Promise.all(services.map(({ name }) => rotate(logOf(layout, name))));
  const env = serverEnvironment(layout, variables);
  return run(services, {
    layout,
    logger,
    toolchain,
    environment,
    env,
    kind,
    uiUrl: temporal.uiUrl,
  });
}

/** How processes of ours reach the servers of a stack with these settings. */
export function connections(layout: Layout, settings: Settings): Environment {
  return {
    temporal: {
      address: `127.0.0.1:${portOf(settings, 'temporal')}`,
      namespace: NAMESPACE,
    },
    s3: s3Environment(settings),
    mlflowUrl: `http://127.0.0.1:${portOf(settings, 'mlflow')}`,
    stateDir: layout.home,
    cacheDir: layout.cache,
  };
}

type Context = {
  readonly layout: Layout;
  readonly logger: Logger;
  readonly toolchain: Toolchain;
  readonly environment: Environment;
  readonly env: Readonly<Record<string, string>>;
  readonly kind: S3Kind;
  readonly uiUrl: string;
};

function run(services: readonly Service[], context: Context): Stack {
  const { layout, logger } = context;
  const started = new Map<ServiceName, Supervised>();
  const self = identityOf(process.pid);
  const startedAt = new Date().toISOString();
  let isWorking = false;
  let isStopping = false;
  let writing = Promise.resolve();

  const write = (): void => {
    const record: StackRecord = {
      pid: process.pid,
      startTicks: self?.startTicks ?? '',
      startedAt,
      working: isWorking,
      s3Kind: context.kind,
      temporalUi: context.uiUrl,
      services: services.map((service) => started.get(service.name)?.state() ?? waiting(service)),
    };
    writing = writing.then(() => writeJson(layout.record, record, 0o600));
  };

  const waiting = ({ name, address }: Service): ServiceState => {
    return { name, address, state: 'waiting', restarts: 0, log: logOf(layout, name) };
  };

  const readiness = new Map<ServiceName, Promise<void>>();
  const readinessOf = (names: readonly ServiceName[]): Promise<unknown> =>
    Promise.all(names.flatMap((name) => readiness.get(name) ?? []));
  const start = async (service: Service): Promise<void> => {
    await readinessOf(service.after);
    if (isStopping) return;
    const surroundings = {
      python: context.toolchain.python,
      env: context.env,
      logFile: logOf(layout, service.name),
      logger,
      onChange: () => write(),
    };
    const supervised = supervise(service, surroundings);
    started.set(service.name, supervised);
    await supervised.ready;
  };

  // In order: what a server comes after is in the map before it asks.
  for (const service of services) readiness.set(service.name, start(service));
  const working = readinessOf(SERVICE_NAMES.filter((name) => name !== 'mlflow')).then(() => {
    isWorking = true;
    write();
  });
  // Nobody need wait for it.
  working.catch(() => {});
  const tracking = readinessOf(['mlflow']).then(() => undefined, errorText);
  write();
  return {
    environment: context.environment,
    working,
    tracking,
    async stop() {
      isStopping = true;
      logger.info('stopping');
      // The worker, which still writes, before what it writes to.
      await started.get('worker')?.stop();
      await Promise.all([...started.values()].map((supervised) => supervised.stop()));
      await writing;
      await rm(layout.record, { force: true });
      logger.info('stopped');
    },
  };
}

const logOf = (layout: Layout, name: ServiceName): string => join(layout.logs, `${name}.log`);

/** Keeps one older log, so that logs cannot fill the disk. */
async function rotate(path: string): Promise<void> {
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  if (size > LARGEST_LOG_BYTES) await rename(path, `${path}.1`);
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}
