import anyTest from 'ava';
import { startSeaweedfs } from '../servers/seaweedfs.ts';
import type { TestS3 } from '../servers/s3.ts';
import { collection } from './collection.ts';
import { conformance } from './conformance.ts';
import { bucketPlace, emptyBucket } from './s3-place.ts';
import { s3Refusals } from './s3-refusals.ts';

// One server, taken down in one of the tests: they run one after the other.
const test = anyTest.serial;
let server: TestS3;

anyTest.before(async () => {
  server = await startSeaweedfs();
});

anyTest.after.always(() => server?.stop());

conformance(
  test,
  bucketPlace('SeaweedFS', () => server),
);
s3Refusals(test, () => server);
collection(test, () => emptyBucket(server));
