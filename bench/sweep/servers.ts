/** Temporal and the object store as a laptop's stack runs them, in a folder that goes with the bench. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';

import type { Environment } from '../../environment/environment.ts';
import { layoutOf } from '../../stack/layout.ts';
import { chooseS3, s3Service } from '../../stack/s3.ts';
import { serverEnvironment } from '../../stack/server-environment.ts';
import { provideSettings } from '../../stack/settings.ts';
import { connections } from '../../stack/stack.ts';
import { supervise } from '../../stack/supervised.ts';
import { temporalService } from '../../stack/temporal.ts';
import { readToolchain } from '../../stack/toolchain.ts';

export type Servers = {
  readonly environment: Environment;
  /** Stops them and removes what they kept. */
  stop(): Promise<void>;
};

/** Starts both; MLflow is not there. @throws KdxError Configuration where the checkout is not set up */
export async function startServers(): Promise<Servers> {
  const toolchain = await readToolchain();
  const home = await mkdtemp(join(tmpdir(), 'kdx-bench-'));
  const layout = layoutOf({ KDX_STATE_DIR: home });
  await Promise.all([layout.run, layout.logs].map((path) => mkdir(path, { recursive: true })));
  const settings = await provideSettings(layout);
  const services = [
    temporalService(layout, settings, toolchain),
    s3Service(
      chooseS3('seaweedfs', toolchain, () => false),
      layout,
      settings,
      toolchain,
    ),
  ];
  const logger = pino({ base: null }, pino.destination(join(layout.logs, 'supervisor.log')));
  const supervised = services.map((service) =>
    supervise(service, {
      env: serverEnvironment(layout, process.env),
      python: toolchain.python,
      logFile: join(layout.logs, `${service.name}.log`),
      logger,
      onChange: () => undefined,
    }),
  );
  const stop = async (): Promise<void> => {
    await Promise.all(supervised.map((server) => server.stop()));
    await rm(home, { recursive: true, force: true });
  };
  try {
    await Promise.all(supervised.map(({ ready }) => ready));
  } catch (error) {
    await stop();
    throw error;
  }
  return { environment: connections(layout, settings), stop };
}
