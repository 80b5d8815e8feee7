import { Connection } from '@temporalio/client';
import { errorText } from '../leg/errors.ts';
import { STUDY_QUEUE } from '../leg/queues.ts';
import { openS3Store } from '../stores/s3.ts';
import type { Variables } from '../environment/variables.ts';
import type { Servers } from './servers.ts';

/** One server that variables name, and whether it answers. */
export type ServerStatus = {
  readonly name: 'temporal' | 's3' | 'worker' | 'mlflow';
  readonly address: string;
  /** Why it does not do its work; absent where it does. */
  readonly problem?: string;
};

const PATIENCE_MILLISECONDS = 5000;

/**
 * Asks the servers that variables name to do a small piece of their work, and nothing that leaves a
 * trace. MLflow is asked where its address is given: studies run without it.
 */
export async function probeServers(
  servers: Servers,
  variables: Variables,
): Promise<readonly ServerStatus[]> {
  const mlflowUrl = variables['KDX_MLFLOW_URL'];
  const [temporal, s3, mlflow] = await Promise.all([
    probeTemporal(servers),
    probeS3(servers),
    mlflowUrl === undefined ? [] : probeMlflow(mlflowUrl),
  ]);
  return [...temporal, s3, ...mlflow];
}

async function probeTemporal(servers: Servers): Promise<readonly ServerStatus[]> {
  let address = 'not named';
  try {
    const { namespace, ...options } = servers.temporal();
    ({ address } = options);
    const connection = await Connection.connect({
      ...options,
      connectTimeout: PATIENCE_MILLISECONDS,
    });
    try {
      const workers = await connection.withDeadline(Date.now() + PATIENCE_MILLISECONDS, () =>
        connection.workflowService.describeTaskQueue({
          ...{ namespace, taskQueue: { name: STUDY_QUEUE }, taskQueueType: 1 },
        }),
      );
      const isServed = (workers.pollers ?? []).length > 0;
      const worker = { name: 'worker', address: `queue ${STUDY_QUEUE}` } as const;
      const problem = 'no worker takes studies; one that has just started is seen after a minute';
      return [{ name: 'temporal', address }, isServed ? worker : { ...worker, problem }];
    } finally {
      await connection.close();
    }
  } catch (error) {
    return [{ name: 'temporal', address, problem: errorText(error) }];
  }
}

async function probeS3(servers: Servers): Promise<ServerStatus> {
  let address = 'not named';
  try {
    const s3 = servers.s3();
    address = `${s3.endpoint}/${s3.bucket}`;
    await openS3Store({ ...s3, retrySeconds: 0 }).has('probe');
    return { name: 's3', address };
  } catch (error) {
    return { name: 's3', address, problem: errorText(error) };
  }
}

async function probeMlflow(url: string): Promise<readonly ServerStatus[]> {
  const server = { name: 'mlflow', address: url } as const;
  try {
    const signal = AbortSignal.timeout(PATIENCE_MILLISECONDS);
    const response = await fetch(`${url}/health`, { signal });
    await response.body?.cancel();
    if (response.ok) return [server];
    return [{ ...server, problem: `${url}/health answers ${response.status}` }];
  } catch (error) {
    return [{ ...server, problem: errorText(error) }];
  }
}

/** Rows for a terminal. */
export function serverLines(statuses: readonly ServerStatus[]): readonly string[] {
  return statuses.map(({ name, address, problem }) => {
    const state = problem === undefined ? 'ready' : 'failing';
    const why = problem === undefined ? '' : `  ${problem}`;
    return `${name.padEnd(9)} ${state.padEnd(8)} ${address}${why}`;
  });
}
