import { randomBytes } from 'node:crypto';
import type { S3Options } from '../../stores/s3.ts';
import type { TestServer } from './process.ts';

/** A real S3 server with credentials of its own. */
export type TestS3 = TestServer & {
  /** Options for a store in a bucket of this server, giving up after a second. */
  s3(bucket?: string): S3Options;
};

/** Credentials as a server takes them, new for every server. */
export function newCredentials() {
  return {
    accessKey: `kdx${randomBytes(8).toString('hex')}`,
    secretKey: randomBytes(20).toString('hex'),
  };
}

/** Adds to a server how to open a store on it. */
export function withS3(server: TestServer, credentials: ReturnType<typeof newCredentials>): TestS3 {
  return Object.assign(server, {
    s3: (bucket = 'kdx-test') => ({
      endpoint: server.url,
      bucket,
      retrySeconds: 1,
      ...credentials,
    }),
  });
}
