import { join } from 'node:path';
import { readToolchain } from '../../stack/toolchain.ts';
import { openS3Store } from '../../stores/s3.ts';
import { freePorts, serverFolder, startServer } from './process.ts';
import { newCredentials, type TestS3, withS3 } from './s3.ts';

/**
 * MinIO on a single folder, at an address of this machine. Fails where set-up has not built it (`npm run setup -- --minio`).
 */
export async function startMinio(address = '127.0.0.1'): Promise<TestS3> {
  const { minio } = await readToolchain();
  if (minio === undefined) {
    throw new Error('the toolchain has no minio; run: npm run setup -- --minio');
  }
  const folder = await serverFolder('minio');
  const credentials = newCredentials();
  const [port, console] = await freePorts(2);
  const url = `http://${address}:${port}`;
  const probe = openS3Store({ endpoint: url, bucket: 'probe', retrySeconds: 0, ...credentials });
  const server = await startServer({
    name: 'minio',
    url,
    program: minio,
    args: [
      ...['server', join(folder, 'data'), '--quiet', '--address', `${address}:${port}`],
      ...['--console-address', `${address}:${console}`],
    ],
    env: {
      MINIO_ROOT_USER: credentials.accessKey,
      MINIO_ROOT_PASSWORD: credentials.secretKey,
      MINIO_BROWSER: 'off',
      MINIO_UPDATE: 'off',
    },
    folder,
    isReady: async () => {
      await probe.ensureBucket();
      return true;
    },
  });
  return withS3(server, credentials);
}
