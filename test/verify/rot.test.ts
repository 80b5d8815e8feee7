import { randomBytes } from 'node:crypto';
import { open, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { openAudit } from '../../verify/audit.ts';
import { openS3Store } from '../../stores/s3.ts';
import { startSeaweedfs } from '../servers/seaweedfs.ts';
import type { TestS3 } from '../servers/s3.ts';

let server: TestS3;
test.before(async () => {
  server = await startSeaweedfs();
});
test.after.always(() => server.stop());

/** Changes one bit where a server keeps those bytes on its disk. */
async function rot(folder: string, bytes: Uint8Array): Promise<void> {
  const files = (await readdir(folder, { recursive: true })).filter((name) =>
    name.endsWith('.dat'),
  );
  for (const path of files.map((name) => join(folder, name))) {
    const start = (await readFile(path)).indexOf(bytes);
    if (start < 0) continue;
    const file = await open(path, 'r+');
    await file.write(Uint8Array.of((bytes[0] ?? 0) ^ 1), 0, 1, start);
    await file.close();
    return;
  }
  throw new Error(`${folder} has no file with those bytes`);
}

test.serial('a bit that rots on the disk of SeaweedFS is damage of that one file', async (t) => {
  const store = openS3Store(server.s3());
  await store.ensureBucket();
  const bytes = randomBytes(100_000);
  const rotten = await store.putBlob(bytes);
  const whole = await store.putBlob(randomBytes(100_000));
  await rot(dirname(server.log), bytes);
  const audit = openAudit(store);
  const [finding] = await audit.readBack(rotten, 'weights');
  t.like(finding, { what: 'weights', verdict: 'damaged' });
  // The server knows its own checksums, and gives no bytes that miss them.
  t.regex(
    finding?.detail ?? '',
    new RegExp(`^expected sha256 ${rotten.digest}, 100000 bytes; found what cannot be read: `),
  );
  t.deepEqual(audit.lost([rotten.digest, whole.digest]), ['weights']);
  t.deepEqual(await audit.readBack(whole, 'other weights'), []);
});

test.serial('a server that is gone is no damage', async (t) => {
  const store = openS3Store(server.s3());
  const { digest, bytes } = await store.putBlob(randomBytes(1000));
  await server.kill();
  const reading = openAudit(store).readBack({ digest, bytes }, 'weights');
  await t.throwsAsync(reading, { code: 'ObjectStore' });
});
