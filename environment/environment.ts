import { readMlflowCredentials, type MlflowCredentials } from './mlflow.ts';
import { readS3Environment, type S3Environment } from './s3.ts';
import { readTemporalEnvironment, type TemporalEnvironment } from './temporal.ts';
import { checkVariables, required, type Variables } from './variables.ts';

export type { S3Environment } from './s3.ts';
export { checkVariables } from './variables.ts';

/** Where a process of ours finds the servers and its folders. */
export type Environment = {
  readonly temporal: TemporalEnvironment;
  readonly s3: S3Environment;
  /** Holds no credentials. */
  readonly mlflowUrl: string;
  readonly mlflowCredentials?: MlflowCredentials;
  /** Everything one stack owns: settings, state, logs. */
  readonly stateDir: string;
  /** Datasets and other things that can be fetched again. */
  readonly cacheDir: string;
};

/**
 * The connections of this process, from its environment.
 * @throws KdxError `Configuration` (exit 78) naming the first variable that is unknown, absent or
 *   malformed, its value and what is allowed.
 */
export function readEnvironment(variables: Variables): Environment {
  checkVariables(variables);
  const mlflowCredentials = readMlflowCredentials(variables);
  return {
    temporal: readTemporalEnvironment(variables),
    s3: readS3Environment(variables),
    mlflowUrl: required(variables, 'KDX_MLFLOW_URL'),
    ...(mlflowCredentials === undefined ? {} : { mlflowCredentials }),
    stateDir: required(variables, 'KDX_STATE_DIR'),
    cacheDir: required(variables, 'KDX_CACHE_DIR'),
  };
}

/**
 * The variables that `readEnvironment` reads back to the same record, for servers without TLS and
 * without accounts, as those of a laptop are.
 */
export function writeEnvironment(environment: Environment): Record<string, string> {
  const { temporal, s3, mlflowUrl } = environment;
  return {
    KDX_TEMPORAL_ADDRESS: temporal.address,
    KDX_TEMPORAL_NAMESPACE: temporal.namespace,
    KDX_S3_ENDPOINT: s3.endpoint,
    KDX_S3_ACCESS_KEY: s3.accessKey,
    KDX_S3_SECRET_KEY: s3.secretKey,
    KDX_S3_BUCKET: s3.bucket,
    KDX_MLFLOW_URL: mlflowUrl,
    KDX_STATE_DIR: environment.stateDir,
    KDX_CACHE_DIR: environment.cacheDir,
  };
}
