import { readEpochs } from '../activities/gather.ts';
import type { TrainSpec } from '../study/spec.ts';
import { blocked, lostText, type Audit } from './audit.ts';
import { compareResults, type Finding } from './check.ts';
import type { VerifiedTrial, VerifyTools } from './subject.ts';

type Tools = Pick<VerifyTools, 'metricsOfLog' | 'readBlob'>;

/** Recomputes a training's metrics from its epoch log, and says that the training is not repeated. */
export async function verifyTraining(
  trial: VerifiedTrial,
  spec: TrainSpec,
  tools: Tools,
  audit: Audit,
): Promise<readonly Finding[]> {
  return [await verifyLog(trial, spec, tools, audit), unrepeated(trial, spec, audit)];
}

async function verifyLog(
  { result }: VerifiedTrial,
  spec: TrainSpec,
  { metricsOfLog, readBlob }: Tools,
  audit: Audit,
): Promise<Finding> {
  const what = 'epoch log';
  const log = result.files['epochs'];
  const lost = audit.lost([log?.digest]);
  if (lost.length > 0) return blocked(what, lost);
  const epochs = log === undefined ? [] : await readEpochs({ getBlob: readBlob }, log);
  const metrics = metricsOfLog(spec, epochs);
  const whole = Object.entries(result.files).filter(
    ([, { digest }]) => audit.lost([digest]).length === 0,
  );
  const files = Object.fromEntries(whole);
  // The log is arithmetic of doubles: it comes out the same on any device.
  return { what, ...compareResults({ ...result, files }, { metrics, files }, true) };
}

function unrepeated(
  { node, result }: VerifiedTrial,
  { dataset, teacher, parent }: TrainSpec,
  audit: Audit,
): Finding {
  const weights = audit.lost([result.files['weights']?.digest]);
  const inputs = [dataset.digest, teacher?.logits ?? teacher?.weights, parent?.weights];
  const lost = audit.lost(inputs);
  const details = [
    `not repeated: ${node.epochs} epochs`,
    weights.length > 0
      ? 'its weights are damaged or missing'
      : 'its weights are what the evaluation was recomputed from',
    ...(lost.length > 0 ? [`it cannot be repeated; ${lostText(lost)}`] : []),
  ];
  return { what: 'training', verdict: 'unchecked', detail: details.join('; ') };
}
