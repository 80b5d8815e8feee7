import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { PlannedStudy } from '../../activities/contract.ts';
import { ROOT } from '../../environment/root.ts';
import type { Check, Verdict } from '../../verify/check.ts';
import { verifyStudy } from '../../verify/study.ts';
import { openVerifyTools } from '../../verify/tools.ts';
import { publishDigits } from '../../stores/datasets.ts';
import type { BlobRef, Result, RunRecord } from '../../leg/result.ts';
import type { LegSpec } from '../../leg/spec.ts';
import { computeCodeIndex } from '../../learning/code.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { openLegPorts } from '../../stores/leg-ports.ts';
import { blobName } from '../../stores/names.ts';
import { DIGITS_MANIFEST } from '../../study/dataset-manifest.ts';
import { bindTrial, expandStudy, handedOn } from '../../study/plan/plan.ts';
import { resolveStudy } from '../../study/resolve.ts';

const TINY = join(import.meta.dirname, '../fixtures/tiny-study.json');

/** A study in a store, computed in this process, that can be damaged and verified. */
export type AuditedStudy = {
  readonly store: ArtifactStore;
  readonly results: ReadonlyMap<string, Result>;
  fileOf(trial: string, file: string): BlobRef;
  /** Verifies what a store holds of it; the study's own unless another is given. */
  verify(store?: ArtifactStore): Promise<readonly Check[]>;
};

/** Computes every trial of a small study of each kind as legs do: real networks, real artifacts. */
export async function computeStudy(store: ArtifactStore): Promise<AuditedStudy> {
  const resolved = await resolveTiny(store);
  const { device } = resolved.study;
  const tools = await openVerifyTools(device, store);
  const results = new Map<string, Result>();
  const weights = new Map<string, string>();
  for (const node of expandStudy(resolved.study, resolved)) {
    const { key, spec } = bindTrial(node, weights);
    const result = await computeTrial(store, node.id, key, spec, tools.deviceClass);
    results.set(node.id, result);
    const handed = handedOn(node, result.files);
    if (handed !== undefined) weights.set(node.id, handed.digest);
  }
  const fileOf = (trial: string, file: string): BlobRef => {
    const found = results.get(trial)?.files[file];
    if (found === undefined) throw new Error(`${trial} has no ${file}`);
    return found;
  };
  const verify = async (held = store): Promise<readonly Check[]> => {
    const checks: Check[] = [];
    for await (const check of verifyStudy(held, resolved, DIGITS_MANIFEST, tools)) {
      checks.push(check);
    }
    return checks;
  };
  return { store, results, fileOf, verify };
}

async function resolveTiny(store: ArtifactStore): Promise<PlannedStudy> {
  const input = JSON.parse(await readFile(TINY, 'utf8')) as { sweep: { methods: object[] } };
  const kd = [
    { name: 'ce', weight: 0.1 },
    { name: 'kd', weight: 0.9, temperature: 4 },
  ];
  const methods = [
    { id: 'CE', distillers: [{ name: 'ce' }] },
    { id: 'KD', distillers: kd },
  ];
  const study = { ...input, teacher: { cache: 'logits' }, sweep: { ...input.sweep, methods } };
  const train = { ...(study.sweep as unknown as { train: object }).train, epochs: 3 };
  const resolution = resolveStudy({ ...study, sweep: { ...study.sweep, train } });
  if (!resolution.ok) throw new Error(JSON.stringify(resolution.problems));
  const datasetDigest = await publishDigits(store, ROOT);
  return { study: resolution.study, datasetDigest, code: computeCodeIndex(ROOT) };
}

async function computeTrial(
  store: ArtifactStore,
  trial: string,
  key: string,
  spec: LegSpec,
  deviceClass: RunRecord['deviceClass'],
): Promise<Result> {
  // Loaded here: TensorFlow has to be told its settings before.
  const { work } = await import('../../learning/leg.ts');
  const stored = openLegPorts({ store, key });
  const ports = { ...stored, progress: () => undefined, stopRequested: () => false };
  const end = await work(spec, {
    ...{ key, trial, process: 'a', ports, deviceClass, checkpointSeconds: Infinity },
    now: () => performance.now() / 1000,
    warn: () => undefined,
  });
  if (end.outcome !== 'done') throw new Error(`${trial} ended as ${end.outcome}`);
  await ports.recordRun({
    ...{ schema: 1, key, process: 'a', study: 'tiny', trial, launch: 0, outcome: 'done' },
    ...{ startedAt: '2026-01-01T00:00:00.000Z', seconds: 1, peakBytes: 1, deviceClass },
    ...{ host: 'h', code: spec.code },
  });
  await ports.commitResult(end.result);
  return end.result;
}

/** Changes one bit of a stored blob for the rest of a test. Gives the bytes that are there now. */
export async function flipBit(
  t: ExecutionContext,
  store: ArtifactStore,
  { digest }: Pick<BlobRef, 'digest'>,
): Promise<Uint8Array> {
  const damaged = Uint8Array.from(await store.getBlob(digest));
  damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
  await replaceObject(t, store, blobName(digest), damaged);
  return damaged;
}

/** Overwrites or removes an object, and restores it when the test is over. */
export async function replaceObject(
  t: ExecutionContext,
  store: ArtifactStore,
  name: string,
  bytes: Uint8Array | undefined,
): Promise<void> {
  const whole = await store.get(name);
  if (whole === undefined) throw new Error(`${name} is not there`);
  t.teardown(() => store.putLatest(name, whole));
  await (bytes === undefined ? store.remove(name) : store.putLatest(name, bytes));
}

/** The checks of a trial, or all, that came to a verdict. */
export function withVerdict(checks: readonly Check[], verdict: Verdict): readonly Check[] {
  return checks.filter((check) => check.verdict === verdict);
}
