import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readToolchain } from '../../stack/toolchain.ts';
import { openS3Store } from '../../stores/s3.ts';
import { freePorts, serverFolder, startServer } from './process.ts';
import { newCredentials, type TestS3, withS3 } from './s3.ts';

/** SeaweedFS with its S3 gateway, all in one process. */
export async function startSeaweedfs(): Promise<TestS3> {
  const { weed } = await readToolchain();
  const folder = await serverFolder('seaweedfs');
  const credentials = newCredentials();
  const config = join(folder, 's3.json');
  await writeFile(config, JSON.stringify(identities(credentials)));
  const [s3, s3Grpc, master, masterGrpc, volume, volumeGrpc, filer, filerGrpc] = await freePorts(8);
  const url = `http://127.0.0.1:${s3}`;
  const args = [
    ...['-logtostderr', 'server', `-dir=${folder}`, '-ip=127.0.0.1', '-ip.bind=127.0.0.1'],
    ...[`-master.port=${master}`, `-master.port.grpc=${masterGrpc}`, '-master.telemetry=false'],
    // A lone master that starts again waits for the others' votes first, by default for 10 s.
    ...['-master.volumeSizeLimitMB=64', '-master.electionTimeout=1s'],
    ...[`-volume.port=${volume}`, `-volume.port.grpc=${volumeGrpc}`, '-volume.max=100'],
    ...['-volume.preStopSeconds=0', `-filer`, `-filer.port=${filer}`],
    ...[`-filer.port.grpc=${filerGrpc}`, '-s3', `-s3.port=${s3}`, `-s3.port.grpc=${s3Grpc}`],
    ...['-s3.port.iceberg=0', '-s3.port.lance=0', '-s3.autoCreateBucket=false'],
    ...[`-s3.config=${config}`, `-s3.localSocket=${join(folder, 's3.sock')}`],
  ];
  const probe = openS3Store({ endpoint: url, bucket: 'probe', retrySeconds: 0, ...credentials });
  const isReady = async () => {
    await probe.ensureBucket();
    await probe.putLatest('probe', new Uint8Array(1));
    return true;
  };
  const recipe = { name: 'seaweedfs', url, program: weed, args, folder, isReady };
  return withS3(await startServer(recipe), credentials);
}

function identities(credentials: { readonly accessKey: string; readonly secretKey: string }) {
  const actions = ['Admin', 'Read', 'Write', 'List', 'Tagging'];
  return { identities: [{ name: 'kdx', credentials: [credentials], actions }] };
}
