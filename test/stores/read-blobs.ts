/**
 * One of several processes that read a store's blobs through one cache: all of them ten times over, in
 * an order of its own. Arguments: store, cache, bound in bytes, stride. Prints what it did as JSON.
 */
import { cachedBlobs } from '../../stores/blob-cache.ts';
import { openFolderStore } from '../../stores/folder.ts';

const ROUNDS = 10;

const [store = '', folder = '', maxBytes, stride] = process.argv.slice(2);
const blobs = openFolderStore(store);
const warnings: string[] = [];
const read = cachedBlobs(blobs, {
  ...{ folder, maxBytes: Number(maxBytes) },
  warn: (message) => warnings.push(message),
});
const digests = (await blobs.list('blobs/')).map((name) => name.slice('blobs/'.length));
let reads = 0;
for (let n = 0; n < ROUNDS * digests.length; n += 1) {
  // Bytes are checked against their digest by what reads them.
  await read(digests[(n * Number(stride)) % digests.length] ?? '');
  reads += 1;
}
process.stdout.write(JSON.stringify({ reads, warnings }));
