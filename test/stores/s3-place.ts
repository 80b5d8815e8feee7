import { randomUUID } from 'node:crypto';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { openS3Store } from '../../stores/s3.ts';
import type { TestS3 } from '../servers/s3.ts';
import type { Place } from './conformance.ts';

const BUCKET = 'kdx-places';

/** One bucket of one server, with a new prefix for every store. */
export function bucketPlace(name: string, server: () => TestS3): () => Place {
  const options = (prefix: string) => ({ ...server().s3(BUCKET), prefix, retrySeconds: 20 });
  const place: Place = {
    name,
    async open() {
      const store = openS3Store(options(randomUUID()));
      await store.ensureBucket();
      return store;
    },
    reopen: (store) => openS3Store(options(store.location.split('/').slice(4).join('/'))),
    restart: () => server().restart(),
  };
  return () => place;
}

/** A bucket of its own, where a blob of a second ago is old. */
export async function emptyBucket(server: TestS3): Promise<ArtifactStore> {
  const store = openS3Store({ ...server.s3(randomUUID()), retrySeconds: 20, freshSeconds: 1 });
  await store.ensureBucket();
  return store;
}
