import type { GatheredTrial } from '../../../activities/gather.ts';
import { errorText } from '../../../leg/errors.ts';
import type { BlobRef, Result, RunRecord } from '../../../leg/result.ts';
import type { LegPorts } from '../../../learning/ports.ts';
import { canonicalJson, digestBytes } from '../../../study/canonical.ts';
import type { EvaluateSpec, ExplainSpec, TeachSpec } from '../../../study/spec.ts';
import { compareResults, type Check } from './check.ts';
import { verifyLogits } from './logits.ts';

/** What verifying needs: the computation itself, and this machine's class. */
export type VerifyTools = {
  /** Recomputes an evaluation or an explanation from stored weights; commits nothing. */
  readonly recompute: (spec: EvaluateSpec | ExplainSpec, ports: LegPorts) => Promise<Result>;
  /** Recomputes a teacher's logits in some epochs: the bytes of each. */
  readonly recomputeLogits: (
    spec: TeachSpec,
    epochs: readonly number[],
    ports: Pick<LegPorts, 'readBlob'>,
  ) => Promise<ReadonlyMap<number, Uint8Array>>;
  /** Recomputes a training's metrics from its epoch log. */
  readonly metricsOfLog: (trial: GatheredTrial) => Readonly<Record<string, number>>;
  readonly readBlob: (digest: string) => Promise<Uint8Array>;
  readonly deviceClass: RunRecord['deviceClass'];
};

/**
 * Checks one trial. An evaluation or explanation is recomputed from the stored weights, and so is a
 * sample of the epochs of a teach leg; of a training every file is read back by digest and the metrics are recomputed from the epoch log,
 * but the training itself is not repeated, and the check says so.
 */
export async function verifyTrial(
  trial: GatheredTrial,
  tools: VerifyTools,
): Promise<readonly Check[]> {
  const { node, key, result } = trial;
  const name = { trial: node.id, ...(key === undefined ? {} : { key }) };
  if (result === undefined) {
    const detail = 'no result under the code of this build';
    return [{ ...name, what: 'result', verdict: 'unchecked', detail }];
  }
  try {
    const { spec } = result;
    const sameClass = ranHere(trial.runs, tools.deviceClass);
    if (spec.kind === 'train') return await verifyTraining(trial, result, tools);
    if (spec.kind === 'teach') {
      return (await verifyLogits(result, spec, sameClass, tools)).map((check) => ({
        ...name,
        ...check,
      }));
    }
    const fresh = await tools.recompute(spec, readOnlyPorts(tools.readBlob));
    const compared = compareResults(result, fresh, sameClass);
    return [{ ...name, what: spec.kind, ...compared }];
  } catch (error) {
    return [{ ...name, what: result.spec.kind, verdict: 'different', detail: errorText(error) }];
  }
}

async function verifyTraining(
  trial: GatheredTrial,
  result: Result,
  { metricsOfLog, readBlob }: VerifyTools,
): Promise<readonly Check[]> {
  const name = { trial: trial.node.id, key: result.key };
  for (const { digest } of Object.values(result.files)) await readBlob(digest);
  const metrics = metricsOfLog(trial);
  const log = compareResults(result, { metrics, files: result.files }, true);
  return [
    { ...name, what: 'epoch log', ...log },
    {
      ...name,
      what: 'training',
      verdict: 'unchecked',
      detail: `not repeated: ${trial.node.epochs} epochs; its weights are what the evaluation was recomputed from`,
    },
  ];
}

/** Whether some attempt at this result ran in the device class of this machine. */
function ranHere(runs: readonly RunRecord[], here: RunRecord['deviceClass']): boolean {
  return runs.some(({ deviceClass }) => canonicalJson(deviceClass) === canonicalJson(here));
}

/** Ports of a computation that must leave no trace: what it writes is only named. */
function readOnlyPorts(readBlob: LegPorts['readBlob']): LegPorts {
  const refuse = (): Promise<never> => Promise.reject(new Error('verifying commits nothing'));
  const name = (bytes: Uint8Array): BlobRef => ({
    digest: digestBytes(bytes),
    bytes: bytes.length,
  });
  return {
    readBlob,
    writeBlob: (bytes) => Promise.resolve(name(bytes)),
    listCheckpoints: () => Promise.resolve([]),
    commitCheckpoint: refuse,
    commitResult: refuse,
    recordRun: refuse,
    progress: () => undefined,
    stopRequested: () => false,
  };
}
