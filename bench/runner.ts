/** Runs the work of legs in this process, over a store in a folder. */
import { join } from 'node:path';

import { KdxError } from '../leg/errors.ts';
import type { Result } from '../leg/result.ts';
import type { ArtifactStore } from '../stores/artifacts.ts';
import { openLegPorts } from '../stores/leg-ports.ts';
import { digestJson } from '../study/canonical.ts';
import type { LegSpec } from '../study/spec.ts';

/** What one leg took, and what it left. */
export type LegTime = { readonly seconds: number; readonly result: Result };

const NO_CHECKPOINTS_SECONDS = Number.POSITIVE_INFINITY;

/**
 * Runs the work of a leg and times it: data read, networks built, steps recorded, all of it. Loads
 * TensorFlow: `configureProcess` comes first.
 *
 * @param folder where blobs that were read are kept
 */
export async function createRunner(store: ArtifactStore, folder: string) {
  const { deviceClassOf, work } = await import('../learning/leg.ts');
  return async (spec: LegSpec): Promise<LegTime> => {
    const key = digestJson(spec);
    const ports = openLegPorts({ store, key, cacheDir: join(folder, 'cache') });
    const started = performance.now();
    const end = await work(spec, {
      ...{ key, trial: 'bench', process: 'bench', deviceClass: deviceClassOf(spec.device) },
      ports: { ...ports, progress: () => undefined, stopRequested: () => false },
      checkpointSeconds: NO_CHECKPOINTS_SECONDS,
      now: () => performance.now() / 1000,
      warn: (message) => void process.stderr.write(`${message}\n`),
    });
    const seconds = (performance.now() - started) / 1000;
    if (end.outcome === 'done') return { seconds, result: end.result };
    throw new KdxError('CodeBug', `a leg of the bench ended as ${end.outcome}`);
  };
}
