import { hostname } from 'node:os';
import { KdxError } from '../leg/errors.ts';
import { readS3Environment, type S3Environment } from './s3.ts';
import type { Variables } from './variables.ts';

/** What the process of a leg is told. */
export type LegEnvironment = {
  /** Digest of the blob that holds the leg, as canonical JSON. */
  readonly leg: string;
  /** Its name, unique among the processes that run this leg; a pod's is its uid. */
  readonly process: string;
  /** The machine it runs on: `KDX_NODE`, since the host name of a pod is its own. */
  readonly host: string;
  readonly s3: S3Environment;
  /** Where blobs are kept between legs; absent: nowhere. */
  readonly cacheDir?: string;
  /** Most that they may take there; absent: the store's own default. */
  readonly cacheBytes?: number;
  readonly checkpointSeconds: number;
  /** Between two renewals of the lease. */
  readonly progressSeconds: number;
};

/** Those of a leg alone; all others that start with `KDX_` are known to every process of ours. */
const OWN = ['KDX_LEG', 'KDX_PROCESS', 'KDX_NODE'];

const DEFAULT_CHECKPOINT_SECONDS = 30;
const DEFAULT_PROGRESS_SECONDS = 15;

/** Seconds between two renewals of a lease: `KDX_PROGRESS_SECONDS`. */
export function progressSeconds(variables: Variables): number {
  return Number(variables['KDX_PROGRESS_SECONDS'] ?? DEFAULT_PROGRESS_SECONDS);
}

/** @throws KdxError Configuration naming the variable, its value and what is allowed */
export function readLegEnvironment(variables: Variables): LegEnvironment {
  const shared = Object.entries(variables).filter(([name]) => !OWN.includes(name));
  const cacheDir = variables['KDX_CACHE_DIR'];
  const cacheBytes = variables['KDX_BLOB_CACHE_BYTES'];
  return {
    leg: matching(variables, 'KDX_LEG', /^[0-9a-f]{64}$/, 'the digest of a leg'),
    process: matching(variables, 'KDX_PROCESS', /^[\w.-]{1,63}$/, 'letters, digits, "-", "."'),
    host:
      variables['KDX_NODE'] === undefined
        ? hostname()
        : matching(variables, 'KDX_NODE', /^[\w.-]{1,253}$/, 'the name of a machine'),
    s3: readS3Environment(Object.fromEntries(shared)),
    ...(cacheDir === undefined ? {} : { cacheDir }),
    ...(cacheBytes === undefined ? {} : { cacheBytes: Number(cacheBytes) }),
    checkpointSeconds: Number(variables['KDX_CHECKPOINT_SECONDS'] ?? DEFAULT_CHECKPOINT_SECONDS),
    progressSeconds: progressSeconds(variables),
  };
}

function matching(variables: Variables, name: string, pattern: RegExp, allowed: string): string {
  const value = variables[name];
  if (value !== undefined && pattern.test(value)) return value;
  throw refusal(name, value, allowed);
}

function refusal(name: string, value: string | undefined, allowed: string): KdxError {
  const found = value === undefined ? 'not set' : `${JSON.stringify(value)}`;
  return new KdxError('Configuration', `${name}: ${found}; it must be ${allowed}`);
}
