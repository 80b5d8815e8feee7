import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { LEAST_FREE_BYTES } from './disk.ts';
import type { Layout } from './layout.ts';
import type { Command } from './service.ts';
import { portOf } from './settings.ts';
import type { Settings } from './settings.ts';
import type { Toolchain } from './toolchain.ts';

/**
 * Files that weed looks for where it starts, then in its HOME, then in /etc: those found here first end
 * the search, so that the machine's own SeaweedFS has no say in ours.
 */
const EMPTY_FILES = ['security', 'master', 'notification', 'replication', 'credential', 'shell'];

/** SeaweedFS: master, volume server, filer and S3 gateway in one process. */
export function seaweedfs(layout: Layout, settings: Settings, toolchain: Toolchain): Command {
  const folder = join(layout.run, 'seaweedfs');
  const data = relative(folder, join(layout.state, 'seaweedfs'));
  configure(folder, data, settings);
  const port = (name: Parameters<typeof portOf>[1]): string => String(portOf(settings, name));
  return {
    program: toolchain.weed,
    folder,
    args: [
      ...['-logtostderr', 'server', `-dir=${data}`, '-ip=127.0.0.1', '-ip.bind=127.0.0.1'],
      ...[`-master.port=${port('master')}`, `-master.port.grpc=${port('masterGrpc')}`],
      ...[`-volume.port=${port('volume')}`, `-volume.port.grpc=${port('volumeGrpc')}`],
      ...['-filer', `-filer.port=${port('filer')}`, `-filer.port.grpc=${port('filerGrpc')}`],
      ...['-s3', `-s3.port=${port('s3')}`, `-s3.port.grpc=${port('s3Grpc')}`],
      ...['-s3.port.iceberg=0', '-s3.port.lance=0', '-s3.config=s3.json'],
      // Not in /tmp, where another user's file of that name would be in the way.
      ...['-s3.localSocket=s3.sock', '-filer.localSocket=filer.sock'],
      ...['-master.telemetry=false', '-master.electionTimeout=1s', '-volume.preStopSeconds=0'],
      // A bucket takes whole volumes: small ones, and as many as the disk holds.
      ...['-volume.max=0', '-master.volumeSizeLimitMB=1024'],
      // By default it stops writing when 1 % is free, which on a laptop's disk is gigabytes.
      `-volume.minFreeSpace=${LEAST_FREE_BYTES / 1024 ** 2}MiB`,
    ],
    env: {},
  };
}

function configure(folder: string, data: string, settings: Settings): void {
  mkdirSync(folder, { recursive: true });
  for (const name of EMPTY_FILES) writeFileSync(join(folder, `${name}.toml`), '');
  const index = ['[leveldb2]', 'enabled = true', `dir = "${data}/filerldb2"`];
  writeFileSync(join(folder, 'filer.toml'), `${index.join('\n')}\n`);
  const access = JSON.stringify(identities(settings));
  writeFileSync(join(folder, 's3.json'), access, { mode: 0o600 });
}

function identities(settings: Settings): unknown {
  const actions = ['Admin', 'Read', 'Write', 'List', 'Tagging'];
  return {
    identities: [{ name: 'kdx', credentials: [settings.credentials], actions }],
  };
}
