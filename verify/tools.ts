import { KdxError } from '../leg/errors.ts';
import { configureProcess } from '../learning/engine/environment.ts';
import type { ArtifactStore } from '../stores/artifacts.ts';
import type { DeviceSpec } from '../study/schema.ts';
import { problemOf } from './audit.ts';
import type { VerifyTools } from './subject.ts';

/** An evaluation leaves no checkpoints. */
const NO_CHECKPOINTS_SECONDS = Number.POSITIVE_INFINITY;

/**
 * Loads TensorFlow in this process, set up as the study's legs were: same threads, same kernels.
 * @throws KdxError `Configuration` when TensorFlow is loaded already
 */
export async function openVerifyTools(
  device: DeviceSpec,
  store: Pick<ArtifactStore, 'getBlob' | 'ping'>,
): Promise<VerifyTools> {
  configureProcess(device);
  const { deviceClassOf, work } = await import('../learning/leg.ts');
  const { recomputeLogits } = await import('../learning/teaching/teach.ts');
  const { trainingCost } = await import('../learning/training/cost.ts');
  const { trainingMetrics } = await import('../learning/training/metrics.ts');
  const deviceClass = deviceClassOf(device);
  return {
    deviceClass,
    // Past every cache: what is verified is what the store holds.
    readBlob: (digest) => store.getBlob(digest),
    recompute: async (spec, ports) => {
      const end = await work(spec, {
        ...{ key: 'verify', trial: 'verify', process: 'verify', ports, deviceClass },
        checkpointSeconds: NO_CHECKPOINTS_SECONDS,
        now: () => performance.now() / 1000,
        warn: () => undefined,
      });
      if (end.outcome === 'done') return end.result;
      throw new KdxError('CodeBug', `recomputing ended as ${end.outcome}`);
    },
    recomputeLogits,
    problemOf: (error) => problemOf(store, error),
    metricsOfLog: (spec, epochs) => trainingMetrics(epochs, trainingCost(spec)),
  };
}
