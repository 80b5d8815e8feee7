import pMap from 'p-map';
import { isKdxError } from '../leg/errors.ts';
import type { EpochRecord, Evaluation, Explanation, LogitsIndex } from '../leg/records.ts';
import type { BlobRef } from '../leg/result.ts';
import { drawnEpochs } from '../report/epochs.ts';
import type { GatheredTrial } from '../report/input.ts';
import type { ArtifactStore } from '../stores/artifacts.ts';
import { readResult } from '../stores/results.ts';
import { listRuns } from '../stores/runs.ts';
import { bindTrial, expandStudy, handedOn, type TrialNode } from '../study/plan/plan.ts';
import type { FailedTrial, PlannedStudy } from './contract.ts';

type Store = Pick<ArtifactStore, 'getJson' | 'getBlob' | 'list' | 'location'>;

/** Trials read at once: the time of a report is that of its requests. */
const READ_AT_ONCE = 16;

/**
 * Reads every trial of a study from the store, in plan order, 16 at once; needs come before what needs
 * them. Of each it holds what a report draws. A trial whose result or files are damaged has failed by
 * that, and the others are gathered.
 */
export async function gatherStudy(
  store: Store,
  resolved: PlannedStudy,
  failed: ReadonlyMap<string, FailedTrial>,
): Promise<readonly GatheredTrial[]> {
  const under = new Map<string, Promise<GatheredTrial>>();
  const weightsOf = async ({ needs }: TrialNode): Promise<ReadonlyMap<string, string>> => {
    const digests = await Promise.all(
      needs.map(async (need) => [need, digestOf(await under.get(need))] as const),
    );
    return new Map(digests.flatMap(([id, digest]) => (digest === undefined ? [] : [[id, digest]])));
  };
  const gather = async (node: TrialNode): Promise<GatheredTrial> => {
    const trial = await gatherTrial(store, node, await weightsOf(node));
    const failure = failed.get(node.id)?.failure;
    return failure === undefined ? trial : { ...trial, failure };
  };
  // Trials begin in plan order, so what a trial waits for is always under way before it.
  return await pMap(
    expandStudy(resolved.study, resolved),
    (node) => {
      const trial = gather(node);
      under.set(node.id, trial);
      return trial;
    },
    { concurrency: READ_AT_ONCE },
  );
}

/** What a gathered trial hands on to those that need it. */
function digestOf(trial: GatheredTrial | undefined): string | undefined {
  if (trial?.result?.status !== 'complete') return undefined;
  return handedOn(trial.result.spec, trial.result.files)?.digest;
}

async function gatherTrial(
  store: Store,
  node: TrialNode,
  weights: ReadonlyMap<string, string>,
): Promise<GatheredTrial> {
  if (!node.needs.every((need) => weights.has(need))) return { node, runs: [] };
  const { key } = bindTrial(node, weights);
  try {
    return { node, key, ...(await gatherResult(store, node, key)) };
  } catch (error) {
    if (!isKdxError(error) || error.code !== 'DataMismatch') throw error;
    return { node, key, runs: [], failure: { code: error.code, message: error.message } };
  }
}

async function gatherResult(
  store: Store,
  { section }: TrialNode,
  key: string,
): Promise<Omit<GatheredTrial, 'node'>> {
  const result = await readResult(store, key);
  if (result === undefined) return { runs: [] };
  const { epochs, evaluation, explanation, logits } = result.files;
  return {
    result,
    runs: await listRuns(store, key),
    ...(epochs === undefined ? {} : { epochs: drawnEpochs(await readEpochs(store, epochs)) }),
    ...(evaluation === undefined || section !== 'teacher'
      ? {}
      : { evaluation: (await readJsonBlob(store, evaluation)) as Evaluation }),
    ...(explanation === undefined
      ? {}
      : { explanation: (await readJsonBlob(store, explanation)) as Explanation }),
    ...(logits === undefined ? {} : { logits: (await readJsonBlob(store, logits)) as LogitsIndex }),
  };
}

async function readJsonBlob(store: Store, { digest }: BlobRef): Promise<unknown> {
  return JSON.parse(new TextDecoder().decode(await store.getBlob(digest)));
}

/** The epoch log: JSON lines. */
export async function readEpochs(
  store: Pick<ArtifactStore, 'getBlob'>,
  { digest }: BlobRef,
): Promise<readonly EpochRecord[]> {
  const text = new TextDecoder().decode(await store.getBlob(digest));
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as EpochRecord);
}
