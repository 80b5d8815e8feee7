import { isAbsolute } from 'node:path';
import { KdxError } from '../leg/errors.ts';

/** How to reach the object store. */
export type S3Environment = {
  /** `http://host:port` */
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
};

/** Where a process of ours finds the servers and its folders. */
export type Environment = {
  readonly temporal: { readonly address: string; readonly namespace: string };
  readonly s3: S3Environment;
  readonly mlflowUrl: string;
  /** Everything one stack owns: settings, state, logs. */
  readonly stateDir: string;
  /** Datasets and other things that can be fetched again. */
  readonly cacheDir: string;
};

type Variables = Readonly<Record<string, string | undefined>>;
type Rule = { readonly allowed: string; readonly accepts: (value: string) => boolean };

/** Of a cache in bytes: below it, somebody has counted in other units. */
const MIB = 1024 ** 2;

const URL_RULE: Rule = { allowed: 'http(s)://host[:port]', accepts: isHttpUrl };
const FOLDER_RULE: Rule = { allowed: 'an absolute path', accepts: isAbsolute };

/** What a process of ours is given; each is required where it is read. */
const CONNECTION: Readonly<Record<string, Rule>> = {
  KDX_TEMPORAL_ADDRESS: {
    allowed: 'host:port',
    accepts: (value) => /^[^\s/:]+:\d{1,5}$/.test(value) && Number(value.split(':')[1]) < 65_536,
  },
  KDX_TEMPORAL_NAMESPACE: {
    allowed: 'letters, digits, "-", "_" and "."',
    accepts: (value) => /^[\w.-]+$/.test(value),
  },
  KDX_S3_ENDPOINT: URL_RULE,
  KDX_S3_ACCESS_KEY: { allowed: 'at least 3 characters', accepts: (value) => value.length >= 3 },
  KDX_S3_SECRET_KEY: { allowed: 'at least 8 characters', accepts: (value) => value.length >= 8 },
  KDX_S3_BUCKET: {
    allowed: '3 to 63 lower-case letters, digits, "." and "-"',
    accepts: (value) => /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(value),
  },
  KDX_MLFLOW_URL: URL_RULE,
  KDX_STATE_DIR: FOLDER_RULE,
  KDX_CACHE_DIR: FOLDER_RULE,
};

/** What a user may set for the set-up and the stack; absent means the default. */
const CHOICES: Readonly<Record<string, Rule>> = {
  KDX_CACHE_HOME: FOLDER_RULE,
  KDX_S3: {
    allowed: 'minio or seaweedfs',
    accepts: (value) => value === 'minio' || value === 'seaweedfs',
  },
  KDX_LEG_SLOTS: {
    allowed: 'an integer from 1 to 64',
    accepts: (value) => /^\d{1,2}$/.test(value) && Number(value) >= 1 && Number(value) <= 64,
  },
  KDX_CHECKPOINT_SECONDS: {
    allowed: 'seconds from 0 up',
    accepts: (value) => /^\d+(\.\d+)?$/.test(value),
  },
  KDX_BLOB_CACHE_BYTES: {
    allowed: 'bytes as digits alone: 0, which keeps nothing, or 1048576 (1 MiB) up',
    accepts: (value) => value === '0' || (/^[1-9]\d{6,14}$/.test(value) && Number(value) >= MIB),
  },
  KDX_GPU: { allowed: '0 or 1', accepts: (value) => value === '0' || value === '1' },
};

const SECRET = new Set(['KDX_S3_ACCESS_KEY', 'KDX_S3_SECRET_KEY']);

/**
 * The connections of this process, from its environment.
 * @throws KdxError `Configuration` (exit 78) naming the first variable that is unknown, absent or
 *   malformed, its value and what is allowed.
 */
export function readEnvironment(variables: Variables): Environment {
  checkVariables(variables);
  return {
    temporal: {
      address: required(variables, 'KDX_TEMPORAL_ADDRESS'),
      namespace: required(variables, 'KDX_TEMPORAL_NAMESPACE'),
    },
    s3: readS3Environment(variables),
    mlflowUrl: required(variables, 'KDX_MLFLOW_URL'),
    ...readFolders(variables),
  };
}

/** The object store alone: all that a leg has to reach. Throws as `readEnvironment` does. */
export function readS3Environment(variables: Variables): S3Environment {
  checkVariables(variables);
  return {
    endpoint: required(variables, 'KDX_S3_ENDPOINT'),
    accessKey: required(variables, 'KDX_S3_ACCESS_KEY'),
    secretKey: required(variables, 'KDX_S3_SECRET_KEY'),
    bucket: required(variables, 'KDX_S3_BUCKET'),
  };
}

/** The folders alone. Throws as `readEnvironment` does. */
export function readFolders(variables: Variables): Pick<Environment, 'stateDir' | 'cacheDir'> {
  checkVariables(variables);
  return {
    stateDir: required(variables, 'KDX_STATE_DIR'),
    cacheDir: required(variables, 'KDX_CACHE_DIR'),
  };
}

/** The variables that `readEnvironment` reads back to the same record. */
export function writeEnvironment(environment: Environment): Record<string, string> {
  const { temporal, s3 } = environment;
  return {
    KDX_TEMPORAL_ADDRESS: temporal.address,
    KDX_TEMPORAL_NAMESPACE: temporal.namespace,
    KDX_S3_ENDPOINT: s3.endpoint,
    KDX_S3_ACCESS_KEY: s3.accessKey,
    KDX_S3_SECRET_KEY: s3.secretKey,
    KDX_S3_BUCKET: s3.bucket,
    KDX_MLFLOW_URL: environment.mlflowUrl,
    KDX_STATE_DIR: environment.stateDir,
    KDX_CACHE_DIR: environment.cacheDir,
  };
}

/**
 * Refuses every `KDX_*` variable that no part of the project knows (a typing error would otherwise be
 * a silent default) and every one that is set to what it cannot be.
 */
export function checkVariables(variables: Variables): void {
  for (const [name, value] of Object.entries(variables)) {
    if (!name.startsWith('KDX_') || value === undefined) continue;
    const rule = CONNECTION[name] ?? CHOICES[name];
    if (rule === undefined) {
      const known = [...Object.keys(CONNECTION), ...Object.keys(CHOICES)].join(', ');
      throw new KdxError('Configuration', `${name}: unknown variable; known are ${known}`);
    }
    if (rule.accepts(value)) continue;
    const shown = SECRET.has(name) ? `${value.length} characters` : JSON.stringify(value);
    throw new KdxError('Configuration', `${name}: ${shown} is not ${rule.allowed}`);
  }
}

function required(variables: Variables, name: string): string {
  const value = variables[name];
  if (value !== undefined) return value;
  const allowed = CONNECTION[name]?.allowed ?? '';
  throw new KdxError('Configuration', `${name}: not set; it must be ${allowed}`);
}

function isHttpUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}
