import {
  DefaultLogger,
  NativeConnection,
  Runtime,
  type PrometheusMetricsExporter,
} from '@temporalio/worker';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorText, isKdxError, KdxError } from '../leg/errors.ts';
import { EXIT } from '../leg/outcome.ts';
import { readDeployment } from '../environment/deployment.ts';
import { readEnvironment, type Environment } from '../environment/environment.ts';
import { readPorts, readRoles } from '../environment/roles.ts';
import { readJobSettings } from '../k8s/settings-file.ts';
import { buildOf } from './worker/build.ts';
import { serveHealth } from './worker/health.ts';
import { serveRoles } from './worker/roles.ts';
import { runWorkers, thenClose } from './worker/run.ts';
import { createWorkers, type Served } from './worker/workers.ts';

const CONNECT_SECONDS = 60;

/** Serves the queues of its roles until it is told to stop. */
async function main(variables: NodeJS.ProcessEnv): Promise<void> {
  const environment = readEnvironment(variables);
  const roles = readRoles(variables);
  const deployment = readDeployment(variables);
  const { healthPort, metricsPort } = readPorts(variables);
  const settings =
    roles.clusterFile === undefined ? undefined : await readJobSettings(roles.clusterFile);
  Runtime.install({
    logger: new DefaultLogger('WARN'),
    ...(metricsPort === undefined
      ? {}
      : { telemetryOptions: { metrics: { prometheus: exporter(metricsPort) } } }),
  });
  const health = healthPort === undefined ? undefined : serveHealth(healthPort);
  const connection = await connect(environment.temporal);
  const serve = async (): Promise<void> => {
    const part = { environment, connection, variables, roles, settings };
    const { served, close } = await serveRoles(part);
    const { namespace } = environment.temporal;
    const build = deployment === undefined ? undefined : await buildOf(deployment);
    const workers = await createWorkers(connection, namespace, served, build);
    const which = build === undefined ? '' : `, build ${build.deploymentName}.${build.buildId}`;
    process.stdout.write(`worker ready: ${describe(served)}${which}\n`);
    health?.setReady();
    await thenClose(() => runWorkers(workers), close);
  };
  await thenClose(serve, () => connection.close());
  health?.close();
}

/** Names and units as Prometheus' own: alerts and dashboards of the chart read them. */
function exporter(port: number): PrometheusMetricsExporter['prometheus'] {
  return {
    bindAddress: `0.0.0.0:${port}`,
    ...{ countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true },
  };
}

function describe(served: Served): string {
  const legs = (served.legs?.queues ?? []).map(({ name, slots }) => `${slots} at once on ${name}`);
  return [...Object.keys(served), ...legs].join(', ');
}

/** The server may be starting beside us: it is waited for, but not for ever. */
async function connect(temporal: Environment['temporal']): Promise<NativeConnection> {
  const { namespace: _namespace, ...options } = temporal;
  const deadline = performance.now() + CONNECT_SECONDS * 1000;
  for (;;) {
    try {
      return await NativeConnection.connect(options);
    } catch (cause) {
      if (performance.now() < deadline) {
        await sleep(500);
        continue;
      }
      const message = `no Temporal server at ${temporal.address} for ${CONNECT_SECONDS} s`;
      throw new KdxError('Configuration', message, { cause });
    }
  }
}

try {
  await main(process.env);
} catch (error) {
  process.stderr.write(`worker: ${errorText(error)}\n`);
  process.exitCode = isKdxError(error) ? error.exitCode : EXIT.unavailable;
}
process.exit();
