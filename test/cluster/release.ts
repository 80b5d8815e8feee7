import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { S3Options } from '../../stores/s3.ts';
import { CHART, findHelm } from '../charts/helm.ts';
import { serverFolder } from '../servers/process.ts';
import { CLUSTER, GPU, SECRET } from './world.ts';

/** A release of the chart whose servers are on this machine, as a laboratory's own would be elsewhere. */
export type Release = {
  readonly name: string;
  /** Runs Helm on it, in its namespace, with the values of the release. */
  helm(verb: 'install' | 'upgrade', ...args: readonly string[]): Promise<void>;
  test(): Promise<void>;
  uninstall(): Promise<void>;
};

/** How long Helm waits for pods, hooks and tests. */
const PATIENCE = '8m';

/** Describes a release; nothing is installed yet. */
export async function describeRelease(
  namespace: string,
  s3: S3Options,
  temporal: string,
): Promise<Release> {
  const helm = await findHelm();
  const folder = await serverFolder('helm');
  const file = join(folder, 'values.json');
  await writeFile(file, JSON.stringify(valuesOf(s3, temporal), null, 2));
  const name = 'kdx';
  const at = ['--namespace', namespace, '--timeout', PATIENCE];
  const run = async (...args: readonly string[]): Promise<void> => {
    try {
      await execa(helm, args);
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      const values = await readFile(file, 'utf8');
      throw new Error(`helm ${args.join(' ')}\n${stdout}\n${stderr}\n${values}`, { cause: error });
    }
  };
  return {
    name,
    helm: (verb, ...args) => run(verb, name, CHART, ...at, '--wait', '--values', file, ...args),
    test: () => run('test', name, ...at, '--logs'),
    uninstall: () => run('uninstall', name, ...at, '--wait'),
  };
}

function valuesOf({ endpoint, bucket }: S3Options, temporal: string): object {
  const here = [{ ipBlock: { cidr: `${CLUSTER.hostAddress}/32` } }];
  const one = (memory: string): object => ({
    replicas: 1,
    resources: { requests: { cpu: '50m', memory }, limits: { memory: '1Gi' } },
  });
  return {
    images: {
      worker: imageOf(CLUSTER.workerImage),
      trainer: imageOf(CLUSTER.trainerImage),
      pool: imageOf(CLUSTER.poolImage),
    },
    temporal: { address: temporal, image: imageOf(CLUSTER.temporalImage) },
    s3: { endpoint, bucket, existingSecret: SECRET },
    // Nobody records: studies do not wait for it.
    mlflow: { url: `http://${CLUSTER.hostAddress}:9` },
    worker: { workflows: one('256Mi'), jobs: one('192Mi'), reports: one('192Mi') },
    legs: {
      flavours: [
        { ...{ name: 'fake', device: 'cpu', resource: GPU }, cpu: '200m', memoryCapMiB: 4096 },
      ],
      ...{ graceSeconds: 30, checkpointSeconds: 1, keepSeconds: 600, cacheMiB: 1024 },
    },
    pool: { flavours: [{ flavour: 'fake', replicas: 2, memoryMiB: 1536 }], cacheMiB: 1024 },
    networkPolicy: {
      external: { temporal: here, s3: here, mlflow: here },
      apiServer: {
        cidrs: CLUSTER.apiAddresses.map((address) => `${address}/32`),
        ports: [443, 6443],
      },
    },
    schedules: { enabled: true },
  };
}

function imageOf(image: string): object {
  const colon = image.lastIndexOf(':');
  return { repository: image.slice(0, colon), tag: image.slice(colon + 1) };
}
