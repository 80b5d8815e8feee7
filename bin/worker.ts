import { Client } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLegActivities } from '../activities/leg.ts';
import { createRecordActivities } from '../activities/record.ts';
import { createReportActivities } from '../activities/report.ts';
import { createStudyActivities } from '../activities/study.ts';
import { createLocalExecutor } from '../executors/local/executor.ts';
import { errorText, isKdxError, KdxError } from '../leg/errors.ts';
import { EXIT } from '../leg/outcome.ts';
import { openS3Store } from '../stores/s3.ts';
import { openLeases } from '../stores/leases.ts';
import { keepLogTail } from '../stores/logs.ts';
import { openTracking } from '../stores/tracking.ts';
import type { CodeIndex } from '../study/code.ts';
import { manifestDigest } from '../study/dataset-manifest.ts';
import type { DatasetName } from '../study/datasets.ts';
import { readEnvironment, type Environment } from '../environment/environment.ts';
import { ROOT } from '../environment/root.ts';
import { progressSeconds } from '../environment/trainer.ts';
import { publishDigits, requireManifest } from '../stores/datasets.ts';
import { legDevices, legEnvironment, legSlots } from '../environment/worker.ts';
import { bundleWorkflows } from './worker/bundle.ts';
import { drawInProcess } from './worker/report-process.ts';
import { runWorkers, thenClose } from './worker/run.ts';
import { createWorkers, GPU_LEG_SLOTS } from './worker/workers.ts';

/** A step, a checkpoint and its upload fit into it. */
const LEG_STOP_SECONDS = 120;
const CONNECT_SECONDS = 60;

/** Serves the queues of one machine until it is told to stop; legs run as its child processes. */
async function main(variables: NodeJS.ProcessEnv): Promise<void> {
  const environment = readEnvironment(variables);
  const slots = legSlots(variables);
  Runtime.install({ logger: new DefaultLogger('WARN') });
  const [connection, workflowBundle] = await Promise.all([
    connect(environment.temporal),
    bundleWorkflows(),
  ]);
  const serve = async (): Promise<void> => {
    const devices = legDevices(variables);
    const workers = await createWorkers({
      connection,
      workflowBundle,
      namespace: environment.temporal.namespace,
      ...activities(environment, connection, variables),
      devices,
      legSlots: slots,
      legStopSeconds: LEG_STOP_SECONDS + 10,
    });
    process.stdout.write(`worker ready: ${slots} legs at once on ${devices.join(' and ')}\n`);
    await runWorkers(workers);
  };
  await thenClose(serve, () => connection.close());
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

function activities(
  environment: Environment,
  connection: NativeConnection,
  variables: NodeJS.ProcessEnv,
) {
  const artifacts = openS3Store(environment.s3);
  const { stateDir } = environment;
  const executor = createLocalExecutor({
    command: [process.execPath, join(ROOT, 'bin/trainer.ts')],
    environment: legEnvironment(variables),
    logFolder: join(stateDir, 'logs/legs'),
    stopGraceSeconds: LEG_STOP_SECONDS,
    leases: openLeases(artifacts),
    keepLogTail: (key, process, tail) => keepLogTail(artifacts, key, process, tail),
    slots: { cpu: legSlots(variables), cuda: GPU_LEG_SLOTS },
    progressSeconds: progressSeconds(variables),
  });
  const catalog = {
    executors: [executor.name],
    readCodeIndex,
    datasetDigest: async (name: DatasetName) =>
      name === 'digits'
        ? publishDigits(artifacts, ROOT)
        : manifestDigest(await requireManifest(artifacts, name)),
  };
  const temporal = new Client({ connection, namespace: environment.temporal.namespace });
  return {
    study: createStudyActivities({ artifacts, catalog, temporal }),
    leg: createLegActivities({ artifacts, executor }),
    report: createReportActivities(
      drawInProcess({
        command: [process.execPath, join(ROOT, 'bin/reporter.ts')],
        environment: legEnvironment(variables),
      }),
    ),
    record: createRecordActivities({
      artifacts,
      tracking: openTracking({
        url: environment.mlflowUrl,
        credentials: environment.mlflowCredentials,
      }),
    }),
  };
}

async function readCodeIndex(): Promise<CodeIndex> {
  const path = join(ROOT, 'learning/code.json');
  try {
    return JSON.parse(await readFile(path, 'utf8')) as CodeIndex;
  } catch (cause) {
    throw new KdxError('Configuration', `${path} cannot be read; run: kdx up`, { cause });
  }
}

try {
  await main(process.env);
} catch (error) {
  process.stderr.write(`worker: ${errorText(error)}\n`);
  process.exitCode = isKdxError(error) ? error.exitCode : EXIT.unavailable;
}
process.exit();
