import { computeCodeIndex } from '../../learning/code.ts';
import { ROOT } from '../../environment/root.ts';
import { KdxError } from '../../leg/errors.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { readResult } from '../../stores/results.ts';
import { bindTrial, expandStudy, handedOn } from '../../study/plan/plan.ts';
import { resolveWithStore } from '../study/resolve.ts';

/**
 * The key of a trial of a study file under this build, whichever study computed its result; undefined
 * where it, or what it needs, has none.
 *
 * @throws KdxError SpecInvalid where the study has no such trial
 */
export async function keyInStudy(
  store: Pick<ArtifactStore, 'getJson' | 'getBlob' | 'location'>,
  input: unknown,
  trial: string,
): Promise<string | undefined> {
  const { study, datasetDigest } = await resolveWithStore(store, input);
  const nodes = expandStudy(study, { datasetDigest, code: computeCodeIndex(ROOT) });
  const wanted = nodes.find(({ id }) => id === trial);
  if (wanted === undefined) {
    const networks = nodes.filter(({ kind }) => kind === 'train').map(({ id }) => id);
    const message = `${study.name} has no trial ${JSON.stringify(trial)}; allowed: ${networks.join(', ')}`;
    throw new KdxError('SpecInvalid', message);
  }
  const done = new Map<string, string>();
  for (const node of nodes) {
    if (node.needs.some((need) => !done.has(need))) continue;
    const { key } = bindTrial(node, done);
    const result = await readResult(store, key);
    if (node.id === trial) return result === undefined ? undefined : key;
    const handed = result === undefined ? undefined : handedOn(node, result.files);
    if (handed !== undefined && result?.status === 'complete') done.set(node.id, handed.digest);
  }
  return undefined;
}
