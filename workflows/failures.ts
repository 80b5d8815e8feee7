import type { FailedTrial } from '../activities/contract.ts';
import { keepFailures, readFailures } from './proxies.ts';
import type { StudyRun } from './state.ts';

/** Characters of JSON in one chunk: far below the 2 MiB that a payload may have. */
const CHUNK_CHARACTERS = 200_000;

/**
 * Keeps the failed trials of a study, and those that are tried again, as blobs.
 * @returns the digest of the last chunk, which names the one before it; undefined where there is none
 */
export async function keepFailedTrials(run: StudyRun): Promise<string | undefined> {
  let before: string | undefined;
  for (const trials of chunksOf(failedTrials(run))) {
    before = await keepFailures({ trials, ...(before === undefined ? {} : { before }) });
  }
  // Parts have kept theirs.
  const joined = run.parts?.list.flatMap(({ failures = [] }) => failures) ?? [];
  if (joined.length === 0) return before;
  const unique = [...new Set(joined)];
  return keepFailures({ trials: [], joined: unique, ...(before === undefined ? {} : { before }) });
}

/** The failed trials that an earlier run of a study has kept. */
export async function readFailedTrials(last: string | undefined): Promise<readonly FailedTrial[]> {
  const failed: FailedTrial[] = [];
  for (let digest = last; digest !== undefined;) {
    const chunk = await readFailures(digest);
    failed.push(...chunk.trials);
    digest = chunk.before;
  }
  return failed;
}

/** Trials that have failed, and those tried again whose failures count for the quarantine. */
export function failedTrials(run: StudyRun): readonly FailedTrial[] {
  return [...run.entries.values()].flatMap(({ node: { id }, failure, earlier = [], result }) => {
    if (run.parts?.partOf.get(id)?.failures !== undefined) return [];
    if (failure !== undefined) return [{ id, failure, earlier }];
    return earlier.length > 0 && result === undefined ? [{ id, earlier }] : [];
  });
}

/** Trials in chunks that fit into a payload each. */
export function chunksOf(trials: readonly FailedTrial[]): readonly FailedTrial[][] {
  const chunks: FailedTrial[][] = [];
  let size = Infinity;
  for (const trial of trials) {
    const characters = JSON.stringify(trial).length;
    if (size + characters > CHUNK_CHARACTERS) {
      chunks.push([]);
      size = 0;
    }
    chunks.at(-1)?.push(trial);
    size += characters;
  }
  return chunks;
}
