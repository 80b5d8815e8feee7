import { isKdxError } from '../leg/errors.ts';
import type { EpochRecord, Evaluation, Explanation, LogitsIndex } from '../leg/records.ts';
import type { BlobRef } from '../leg/result.ts';
import type { GatheredTrial } from '../report/input.ts';
import type { ArtifactStore } from '../stores/artifacts.ts';
import { readResult } from '../stores/results.ts';
import { listRuns } from '../stores/runs.ts';
import { bindTrial, expandStudy, handedOn, type TrialNode } from '../study/plan/plan.ts';
import type { FailedTrial, ResolvedStudy } from './contract.ts';

type Store = Pick<ArtifactStore, 'getJson' | 'getBlob' | 'list' | 'location'>;

/**
 * Reads every trial of a study from the store, in plan order; needs come before what needs them. A
 * trial whose result or files are damaged has failed by that, and the others are gathered.
 */
export async function gatherStudy(
  store: Store,
  resolved: ResolvedStudy,
  failed: ReadonlyMap<string, FailedTrial>,
): Promise<readonly GatheredTrial[]> {
  const weights = new Map<string, string>();
  const gathered: GatheredTrial[] = [];
  for (const node of expandStudy(resolved.study, resolved)) {
    const trial = await gatherTrial(store, node, weights);
    const digest = handedOn(node, trial.result?.files ?? {})?.digest;
    if (digest !== undefined && trial.result?.status === 'complete') weights.set(node.id, digest);
    const failure = failed.get(node.id)?.failure;
    gathered.push(failure === undefined ? trial : { ...trial, failure });
  }
  return gathered;
}

async function gatherTrial(
  store: Store,
  node: TrialNode,
  weights: ReadonlyMap<string, string>,
): Promise<GatheredTrial> {
  if (!node.needs.every((need) => weights.has(need))) return { node, runs: [] };
  const { key } = bindTrial(node, weights);
  try {
    return { node, key, ...(await gatherResult(store, key)) };
  } catch (error) {
    if (!isKdxError(error) || error.code !== 'DataMismatch') throw error;
    return { node, key, runs: [], failure: { code: error.code, message: error.message } };
  }
}

async function gatherResult(store: Store, key: string): Promise<Omit<GatheredTrial, 'node'>> {
  const result = await readResult(store, key);
  if (result === undefined) return { runs: [] };
  const { epochs, evaluation, explanation, logits } = result.files;
  return {
    result,
    runs: await listRuns(store, key),
    ...(epochs === undefined ? {} : { epochs: await readEpochs(store, epochs) }),
    ...(evaluation === undefined
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
