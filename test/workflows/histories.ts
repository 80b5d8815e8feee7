import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

const FOLDER = join(import.meta.dirname, '../fixtures/histories');
const SUFFIX = '.json.gz';

/** What a worker was told of one workflow, event by event, as `temporal workflow show` gives it. */
export type RecordedHistory = { readonly events: readonly HistoryEvent[] };

/** One event; only what the tests read or alter is typed. */
export type HistoryEvent = {
  readonly eventType: string;
  readonly activityTaskScheduledEventAttributes?: {
    readonly activityType: { readonly name: string };
  };
  readonly workflowExecutionStartedEventAttributes?: {
    readonly workflowType: { readonly name: string };
    readonly workflowId?: string;
  };
};

/** Keeps a history among the fixtures; answers its size. */
export async function writeHistory(name: string, history: RecordedHistory): Promise<number> {
  const bytes = gzipSync(JSON.stringify(history), { level: 9 });
  await mkdir(FOLDER, { recursive: true });
  await writeFile(join(FOLDER, name + SUFFIX), bytes);
  return bytes.length;
}

/** The histories that are kept, by name. */
export async function readHistories(): Promise<ReadonlyMap<string, RecordedHistory>> {
  const files = (await readdir(FOLDER)).filter((file) => file.endsWith(SUFFIX));
  const names = files.map((file) => file.slice(0, -SUFFIX.length)).toSorted();
  const read = names.map(async (name) => {
    const text = gunzipSync(await readFile(join(FOLDER, name + SUFFIX))).toString();
    return [name, JSON.parse(text) as RecordedHistory] as const;
  });
  return new Map(await Promise.all(read));
}
