import type { Client } from 'minio';
import type { Listed, Unfinished } from './objects.ts';

export type ListedBucket = {
  readonly client: Client;
  readonly bucket: string;
  readonly prefix: string;
  /** Runs one operation with retries; failures name the verb and the object. */
  readonly attempt: <Value>(
    verb: string,
    name: string,
    operation: () => Promise<Value>,
  ) => Promise<Value>;
};

const LIST_PAGE = 1000;

/** Names that start with `prefix`, in code-unit order. */
export async function listNames(bucket: ListedBucket, prefix: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const page of scanPages(bucket, prefix)) {
    for (const { name } of page) names.push(name);
  }
  return names.sort();
}

/** What the bucket's index says, a page of at most a thousand objects at a time. */
export async function* scanPages(
  { client, bucket, prefix: own, attempt }: ListedBucket,
  prefix: string,
): AsyncGenerator<readonly Listed[]> {
  for (let token = ''; ;) {
    const page = await attempt('list', prefix, () =>
      client.listObjectsV2Query(bucket, own + prefix, token, '', LIST_PAGE, ''),
    );
    yield page.objects.flatMap(({ name, size = 0, lastModified }) =>
      // Some servers list the folders they keep objects in, with a slash at the end.
      name === undefined || name.endsWith('/')
        ? []
        : [{ name: name.slice(own.length), bytes: size, modifiedAt: timeOf(lastModified) }],
    );
    if (!page.isTruncated) return;
    token = page.nextContinuationToken;
  }
}

/** An object without a time counts as new. */
function timeOf(lastModified: Date | undefined): number {
  return lastModified?.getTime() ?? Date.now();
}

/** Multipart uploads that were never completed: we make none, tools that copy a bucket do. */
export async function unfinishedUploads(bucket: ListedBucket): Promise<readonly Unfinished[]> {
  const { client, prefix: own, attempt } = bucket;
  const found: Unfinished[] = [];
  for (let [key, id] = ['', '']; ;) {
    const page = await attempt('list uploads', '', () =>
      client.listIncompleteUploadsQuery(bucket.bucket, own, key, id, ''),
    );
    for (const { key: name, uploadId, initiated } of page.uploads) {
      found.push({
        name: name.slice(own.length),
        bytes: 0,
        modifiedAt: initiated.getTime(),
        remove: () =>
          attempt('remove the upload of', name, () =>
            client.abortMultipartUpload(bucket.bucket, name, uploadId),
          ),
      });
    }
    if (!page.isTruncated) return found;
    [key, id] = [page.nextKeyMarker, page.nextUploadIdMarker];
  }
}
