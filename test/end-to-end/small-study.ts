import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import type { Result } from '../../leg/result.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { blobName, resultName } from '../../stores/names.ts';
import { openS3Store } from '../../stores/s3.ts';
import type { TrialPage, TrialStatus } from '../../study/status.ts';
import { temporalOf, type CommandEnd, type TestStack } from '../servers/stack.ts';

/** A study of every section, small enough for a test. */
export const STUDY = join(import.meta.dirname, '../fixtures/small-study.json');
export const TRIALS = 23;
export const TRAININGS = 13;

/** The store of a stack that was up. */
export async function storeOf(stack: TestStack): Promise<ArtifactStore> {
  return openS3Store((await stack.environment()).s3);
}

/** Does something with a client of a stack's Temporal server and with its store. */
export async function withClients<T>(
  stack: TestStack,
  body: (client: Client, store: ArtifactStore) => Promise<T>,
): Promise<T> {
  const client = await temporalOf(stack);
  try {
    return await body(client, await storeOf(stack));
  } finally {
    await client.connection.close();
  }
}

/** The trials of the study, as its workflow last knew them. */
export async function trialsOf(stack: TestStack): Promise<readonly TrialStatus[]> {
  const page = await withClients(stack, (client) =>
    client.workflow.getHandle('reproduce/small').query<TrialPage>('trials'),
  );
  return page.trials;
}

/** What `kdx verify` says while the last bit of one stored file of a trial is another one. */
export async function verifyDamaged(
  stack: TestStack,
  trial: string,
  file: string,
): Promise<CommandEnd & { readonly digest: string }> {
  const store = await storeOf(stack);
  const key = (await trialsOf(stack)).find(({ id }) => id === trial)?.key ?? '';
  const { files } = (await store.getJson(resultName(key))) as Result;
  const digest = files[file]?.digest ?? '';
  const whole = await store.getBlob(digest);
  const damaged = Uint8Array.from(whole);
  damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
  await store.putLatest(blobName(digest), damaged);
  const end = await stack.kdx('verify', STUDY);
  await store.putLatest(blobName(digest), whole);
  return { ...end, digest };
}
