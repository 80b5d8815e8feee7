import type { BlobRef, Result } from '../leg/result.ts';
import type { LegPorts } from '../leg/ports.ts';
import { digestBytes } from '../study/canonical.ts';
import type { EvaluateSpec, ExplainSpec } from '../study/spec.ts';
import { blocked, lostText, type Audit } from './audit.ts';
import { compareResults, type Finding } from './check.ts';
import type { VerifiedTrial, VerifyTools } from './subject.ts';

/**
 * Recomputes an evaluation or an explanation from the stored weights. Where those of the teacher alone
 * are lost, the numbers that need no teacher are recomputed, and the others are named.
 */
export async function verifyNumbers(
  { result, sameClass }: VerifiedTrial,
  spec: EvaluateSpec | ExplainSpec,
  { recompute, readBlob }: Pick<VerifyTools, 'recompute' | 'readBlob'>,
  audit: Audit,
): Promise<readonly Finding[]> {
  const what = spec.kind;
  const own =
    spec.kind === 'evaluate' ? [spec.network.weights] : [spec.soft.weights, spec.hard.weights];
  const lost = audit.lost([spec.dataset.digest, ...own]);
  if (lost.length > 0) return [blocked(what, lost)];
  const { teacher, ...alone } = spec;
  const lostTeacher = audit.lost([teacher?.weights]);
  const isAlone = lostTeacher.length > 0;
  const fresh = await recompute(isAlone ? alone : spec, readOnlyPorts(readBlob));
  if (!isAlone) return [{ what, ...compareResults(result, fresh, sameClass) }];
  const needTeacher = Object.keys(result.metrics).filter((name) => !(name in fresh.metrics));
  return [
    { what: `${what} without its teacher`, ...compareShared(result, fresh, sameClass) },
    {
      ...{ what: `${what} against its teacher`, verdict: 'unchecked' },
      detail: `cannot be recomputed: ${needTeacher.join(', ')}; ${lostText(lostTeacher)}`,
    },
  ];
}

/** Compares the metrics that were recomputed, and no files: those hold the others as well. */
function compareShared(
  { metrics }: Result,
  fresh: Result,
  sameClass: boolean,
): ReturnType<typeof compareResults> {
  const shared = Object.entries(metrics).filter(([name]) => name in fresh.metrics);
  const stored = { metrics: Object.fromEntries(shared), files: {} };
  return compareResults(stored, { metrics: fresh.metrics, files: {} }, sameClass);
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
    readPart: refuse,
    writePart: refuse,
    commitCheckpoint: refuse,
    commitResult: refuse,
    recordRun: refuse,
    progress: () => undefined,
    stopRequested: () => false,
  };
}
