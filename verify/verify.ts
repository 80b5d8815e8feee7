import type { BlobRef } from '../leg/result.ts';
import type { Audit } from './audit.ts';
import type { Check, Finding } from './check.ts';
import { verifyLogits } from './logits.ts';
import { fileName, trialName } from './names.ts';
import { verifyNumbers } from './numbers.ts';
import type { VerifiedTrial, VerifyTools } from './subject.ts';
import { verifyTraining } from './training.ts';

/**
 * Checks one trial: every file is read back by its digest, then what can be is recomputed. An evaluation
 * or explanation is recomputed from the stored weights, and so is a sample of the epochs of a teach leg;
 * of a training the metrics are recomputed from the epoch log, but the training itself is not
 * repeated, and the check says so.
 */
export async function verifyTrial(
  trial: VerifiedTrial,
  tools: VerifyTools,
  audit: Audit,
): Promise<readonly Check[]> {
  const { node, key, result } = trial;
  const damaged = await readBackAll(node.id, result.files, audit);
  const recomputed = await recompute(trial, tools, audit);
  return [...damaged, ...recomputed].map((finding) => ({ trial: node.id, key, ...finding }));
}

async function readBackAll(
  id: string,
  files: Readonly<Record<string, BlobRef>>,
  audit: Audit,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [name, file] of Object.entries(files)) {
    findings.push(...(await audit.readBack(file, `${fileName(name)} of ${trialName(id)}`)));
  }
  return findings;
}

async function recompute(
  trial: VerifiedTrial,
  tools: VerifyTools,
  audit: Audit,
): Promise<readonly Finding[]> {
  const { spec } = trial.result;
  try {
    switch (spec.kind) {
      case 'train':
        return await verifyTraining(trial, spec, tools, audit);
      case 'teach':
        return await verifyLogits(trial, spec, tools, audit);
      case 'evaluate':
      case 'explain':
        return await verifyNumbers(trial, spec, tools, audit);
    }
  } catch (error) {
    return [{ what: spec.kind, verdict: 'different', detail: await tools.problemOf(error) }];
  }
}
