import test from 'ava';
import { readLegEnvironment } from '../../environment/trainer.ts';
import { legEnvironment } from '../../environment/worker.ts';

const LEG = { KDX_LEG: 'a'.repeat(64), KDX_PROCESS: 'n0-1' };
const WORKER = {
  KDX_TEMPORAL_ADDRESS: '127.0.0.1:7233',
  KDX_S3_ENDPOINT: 'http://127.0.0.1:9000',
  KDX_S3_ACCESS_KEY: 'someone',
  KDX_S3_SECRET_KEY: 'something-secret',
  KDX_S3_BUCKET: 'kdx',
  KDX_CACHE_DIR: '/var/cache/kdx',
};

test('a leg is told the store and the cache of its worker, and nothing of Temporal', (t) => {
  const { KDX_TEMPORAL_ADDRESS: _address, ...known } = WORKER;
  t.deepEqual(legEnvironment({ ...WORKER, SECRET: 'of someone else' }), known);
});

for (const bytes of [0, 1_048_576, 9e11]) {
  test(`a worker with KDX_BLOB_CACHE_BYTES ${bytes} gives its legs a cache of that size`, (t) => {
    const variables = legEnvironment({ ...WORKER, KDX_BLOB_CACHE_BYTES: String(bytes) });
    t.like(readLegEnvironment({ ...variables, ...LEG }), {
      cacheDir: WORKER.KDX_CACHE_DIR,
      cacheBytes: bytes,
    });
  });
}

test('without KDX_BLOB_CACHE_BYTES the size of the cache is left to the store', (t) => {
  const read = readLegEnvironment({ ...legEnvironment(WORKER), ...LEG });
  t.is(read.cacheDir, WORKER.KDX_CACHE_DIR);
  t.false('cacheBytes' in read);
});
