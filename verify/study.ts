import type { PlannedStudy } from '../activities/contract.ts';
import type { Result, RunRecord } from '../leg/result.ts';
import { resultName } from '../stores/names.ts';
import { readResult } from '../stores/results.ts';
import { listRuns } from '../stores/runs.ts';
import { canonicalJson } from '../study/canonical.ts';
import { manifestBytes, manifestDigest, type DatasetManifest } from '../study/dataset-manifest.ts';
import { bindTrial, expandStudy, handedOn } from '../study/plan/plan.ts';
import { openAudit, problemOf, type Audit, type AuditedStore } from './audit.ts';
import type { Check, Finding } from './check.ts';
import { trialName } from './names.ts';
import { verifyTrial } from './verify.ts';
import type { VerifyTools } from './subject.ts';

/**
 * Checks every trial of a study, in plan order. A file that is damaged or missing ends nothing: it is
 * named, what cannot be recomputed without it says so, and everything else is verified.
 *
 * @throws KdxError ObjectStore where the store itself is out of reach
 */
export async function* verifyStudy(
  store: AuditedStore,
  resolved: PlannedStudy,
  dataset: DatasetManifest,
  tools: VerifyTools,
): AsyncGenerator<Check> {
  const audit = openAudit(store);
  yield* await verifyDataset(dataset, audit);
  const weights = new Map<string, string>();
  for (const node of expandStudy(resolved.study, resolved)) {
    const lacking = node.needs.filter((need) => !weights.has(need));
    if (lacking.length > 0) {
      const detail = `not looked up: no complete result of ${lacking.join(', ')}`;
      yield { trial: node.id, what: 'result', verdict: 'unchecked', detail };
      continue;
    }
    const { key } = bindTrial(node, weights);
    const { result, ranHere, findings } = await findTrial(store, node.id, key, tools);
    for (const finding of findings) yield { trial: node.id, key, ...finding };
    if (result === undefined) continue;
    const handed = handedOn(node, result.files);
    if (handed !== undefined && result.status === 'complete') weights.set(node.id, handed.digest);
    yield* await verifyTrial({ node, key, result, sameClass: ranHere }, tools, audit);
  }
}

/** Reads back what every number is computed from. */
async function verifyDataset(dataset: DatasetManifest, audit: Audit): Promise<readonly Check[]> {
  const digest = manifestDigest(dataset);
  const name = `dataset ${dataset.dataset}`;
  const manifest = { name: 'manifest', digest, bytes: manifestBytes(dataset).byteLength };
  const checks: Check[] = [];
  for (const file of [manifest, ...dataset.files]) {
    const findings = await audit.readBack(file, `${file.name} of ${name}`);
    // Specs name the dataset by its manifest alone.
    if (findings.length > 0) audit.lose(digest, name);
    checks.push(
      ...findings.map((finding) => ({ trial: `dataset/${dataset.dataset}`, ...finding })),
    );
  }
  return checks;
}

/** What the store holds of a trial. */
type FoundTrial = {
  readonly result?: Result;
  /** Whether some process ran it in the device class of this machine. */
  readonly ranHere: boolean;
  readonly findings: readonly Finding[];
};

async function findTrial(
  store: AuditedStore,
  id: string,
  key: string,
  { deviceClass }: Pick<VerifyTools, 'deviceClass'>,
): Promise<FoundTrial> {
  const damaged = (file: string, detail: string): Finding => {
    return { what: `${file} of ${trialName(id)}`, verdict: 'damaged', detail };
  };
  const findings: Finding[] = [];
  const runs = await listRuns(store, key)
    .then((found) => found.map(processOf))
    .catch(async (error: unknown) => {
      findings.push(damaged('run records', await problemOf(store, error)));
      return [];
    });
  const ranHere = runs.some((run) => run.deviceClass === canonicalJson(deviceClass));
  try {
    const result = await readResult(store, key);
    if (result !== undefined) return { result, ranHere, findings };
    findings.push(absence(key, runs.find(({ left }) => left)?.process, damaged));
  } catch (error) {
    findings.push(damaged('result', await problemOf(store, error)));
  }
  return { ranHere, findings };
}

/** A result that no process left was never there. */
function absence(
  key: string,
  process: string | undefined,
  damaged: (file: string, detail: string) => Finding,
): Finding {
  if (process !== undefined) {
    const expected = `${resultName(key)}, which process ${process} left`;
    return damaged('result', `expected ${expected}; found nothing`);
  }
  const detail = 'no result under the code of this build';
  return { what: 'result', verdict: 'unchecked', detail };
}

/** What is asked of a run's record; throws where it is none. */
function processOf({ process, outcome, deviceClass }: RunRecord) {
  return { process, left: outcome !== 'stopped', deviceClass: canonicalJson(deviceClass) };
}
