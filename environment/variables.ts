import { isAbsolute } from 'node:path';
import { KdxError } from '../leg/errors.ts';

export type Variables = Readonly<Record<string, string | undefined>>;

type Rule = { readonly allowed: string; readonly accepts: (value: string) => boolean };

/** Of a cache in bytes: a smaller number was most likely meant in another unit. */
const MIB = 1024 ** 2;

const URL_RULE: Rule = {
  allowed: 'http(s)://host[:port], without user, password or query',
  accepts: isPlainHttpUrl,
};
const FOLDER_RULE: Rule = { allowed: 'an absolute path', accepts: isAbsolute };

const PORT_RULE: Rule = {
  allowed: 'a port from 1 to 65535',
  accepts: (value) => /^[1-9]\d{0,4}$/.test(value) && Number(value) < 65_536,
};
/** It becomes part of the name of a queue, and of Kubernetes objects. */
const FLAVOUR_RULE = nameRule('flavour');

function nameRule(what: string): Rule {
  return {
    allowed: `the name of a ${what}: 1 to 40 lower-case letters, digits and "-"`,
    accepts: (value) => /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(value),
  };
}

/** What a worker can do. */
export const ROLE_NAMES = ['workflows', 'legs', 'jobs', 'reports', 'records'] as const;

/** Which servers to use. */
const SERVERS: Readonly<Record<string, Rule>> = {
  KDX_TEMPORAL_ADDRESS: { allowed: 'host:port', accepts: isAddress },
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
  KDX_S3_CREDENTIALS_DIR: FOLDER_RULE,
};

/** Where files are kept, and what a user may choose; absent means the default. */
const CHOICES: Readonly<Record<string, Rule>> = {
  KDX_STATE_DIR: FOLDER_RULE,
  KDX_CACHE_DIR: FOLDER_RULE,
  KDX_CACHE_HOME: FOLDER_RULE,
  KDX_S3: {
    allowed: 'minio or seaweedfs',
    accepts: (value) => value === 'minio' || value === 'seaweedfs',
  },
  KDX_ROLES: {
    allowed: `a list of ${ROLE_NAMES.join(', ')}, separated by commas, each once`,
    accepts: isRoleList,
  },
  KDX_DEPLOYMENT: nameRule('deployment'),
  KDX_BUILD_ID: {
    allowed: '1 to 60 letters, digits, ".", "_", "+" and "-"',
    accepts: (value) => /^[\w.+-]{1,60}$/.test(value),
  },
  KDX_CLUSTER_FILE: FOLDER_RULE,
  KDX_POOL_FLAVOUR: FLAVOUR_RULE,
  KDX_METRICS_PORT: PORT_RULE,
  KDX_HEALTH_PORT: PORT_RULE,
  KDX_LEG_SLOTS: {
    allowed: 'an integer from 1 to 64',
    accepts: (value) => /^\d{1,2}$/.test(value) && Number(value) >= 1 && Number(value) <= 64,
  },
  KDX_CHECKPOINT_SECONDS: {
    allowed: 'seconds from 0 up',
    accepts: (value) => /^\d+(\.\d+)?$/.test(value),
  },
  KDX_PROGRESS_SECONDS: {
    allowed: 'seconds from 0.1 to 300',
    accepts: (value) => /^\d+(\.\d+)?$/.test(value) && Number(value) >= 0.1 && Number(value) <= 300,
  },
  KDX_BLOB_CACHE_BYTES: {
    allowed: 'bytes as digits alone: 0, which keeps nothing, or 1048576 (1 MiB) up',
    accepts: (value) => value === '0' || (/^[1-9]\d{6,14}$/.test(value) && Number(value) >= MIB),
  },
  KDX_GPU: { allowed: '0 or 1', accepts: (value) => value === '0' || value === '1' },
};

const RULES = { ...SERVERS, ...CHOICES };
const SECRET = new Set(['KDX_S3_ACCESS_KEY', 'KDX_S3_SECRET_KEY']);

/**
 * Refuses every `KDX_*` variable that no part of the project knows (a typing error would otherwise be
 * a silent default) and every one with a value that is not allowed.
 * @throws KdxError `Configuration` (exit 78) with the name, the value and what is allowed
 */
export function checkVariables(variables: Variables): void {
  for (const [name, value] of Object.entries(variables)) {
    if (!name.startsWith('KDX_') || value === undefined) continue;
    const rule = RULES[name];
    if (rule === undefined) {
      const known = Object.keys(RULES).join(', ');
      throw new KdxError('Configuration', `${name}: unknown variable; known are ${known}`);
    }
    if (rule.accepts(value)) continue;
    throw new KdxError('Configuration', `${name}: ${shown(name, value)} is not ${rule.allowed}`);
  }
}

/** The value of a variable. @throws KdxError `Configuration` where it is not set */
export function required(variables: Variables, name: string): string {
  const value = variables[name];
  if (value !== undefined) return value;
  const allowed = RULES[name]?.allowed ?? '';
  throw new KdxError('Configuration', `${name}: not set; it must be ${allowed}`);
}

/** Names of the variables that choose servers, those that are set. */
export function serverVariables(variables: Variables): readonly string[] {
  return Object.keys(SERVERS).filter((name) => variables[name] !== undefined);
}

/** A value as an error message shows it. What may hold a password is not repeated. */
function shown(name: string, value: string): string {
  const mayHoldSecret = SECRET.has(name) || /[@?#]/.test(value);
  return mayHoldSecret ? `a value of ${value.length} characters` : JSON.stringify(value);
}

function isRoleList(value: string): boolean {
  const names = value.split(',');
  const areKnown = names.every((name) => ROLE_NAMES.some((role) => role === name));
  return areKnown && new Set(names).size === names.length;
}

/** `host:port`, an IPv6 host in brackets. */
function isAddress(value: string): boolean {
  const port = /^(?:\[[\da-fA-F:.]+\]|[^\s/:@]+):(\d{1,5})$/.exec(value)?.[1];
  return port !== undefined && Number(port) < 65_536;
}

function isPlainHttpUrl(value: string): boolean {
  const url = URL.parse(value);
  const parts = [url?.username, url?.password, url?.search, url?.hash];
  return url !== null && /^https?:$/.test(url.protocol) && parts.every((part) => part === '');
}
