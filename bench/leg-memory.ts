import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { stream } from '../learning/engine/random.ts';
import type { ArtifactStore } from '../stores/artifacts.ts';
import { openFolderStore } from '../stores/folder.ts';
import {
  EXPECTED_FILES,
  manifestBytes,
  manifestDigest,
  manifestOf,
  recordBytes,
} from '../study/dataset-manifest.ts';
import type { TrainSpec } from '../study/spec.ts';
import type { LegCost } from './leg-process.ts';

/** A leg to measure: resnet8 on as many images of CIFAR's shape, for one epoch. */
export type LegPlan = {
  readonly train: number;
  readonly test: number;
  readonly batch: number;
  readonly threads: number;
};

const DATASET = 'cifar10';
const CLASSES = 10;
const SEED = 1029;

/** Peak memory and time of a training of one epoch, in a process of its own. */
export async function measureLeg(plan: LegPlan): Promise<LegCost> {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-bench-'));
  try {
    const store = openFolderStore(folder);
    await store.ensureBucket();
    const spec = specOf(plan, await publishImages(store));
    const program = join(import.meta.dirname, 'leg-process.ts');
    const args = [program, folder, JSON.stringify(spec)];
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' },
    });
    return JSON.parse(stdout) as LegCost;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Made-up images in the files that CIFAR-10 has. Gives the digest of their manifest. */
async function publishImages(store: ArtifactStore): Promise<string> {
  const files = new Map<string, Uint8Array>();
  const stride = recordBytes({ name: DATASET });
  for (const { name, records } of EXPECTED_FILES[DATASET]) {
    const words = stream(SEED, `images/${name}`).words(Math.ceil((records * stride) / 4));
    const bytes = new Uint8Array(words.buffer, 0, records * stride);
    for (let record = 0; record < records; record += 1) bytes[record * stride] = record % CLASSES;
    await store.putBlob(bytes);
    files.set(name, bytes);
  }
  const manifest = manifestOf(DATASET, files);
  await store.putBlob(manifestBytes(manifest));
  return manifestDigest(manifest);
}

/** The published training of CIFAR-10 (He et al., 2016), cut to an epoch; without its code. */
function specOf({ train, test, batch, threads }: LegPlan, digest: string): TrainSpec {
  return {
    ...{ kind: 'train', code: '', model: { name: 'resnet8' }, engine: 'recorded' },
    device: { kind: 'cpu', threads, precision: 'float32' },
    dataset: { name: DATASET, digest, preset: 'correct', split: { train, validation: 0, test } },
    distillers: [{ name: 'ce', weight: 1 }],
    train: {
      ...{ epochs: 1, batch, schedule: 'step', scale: true, publishedEpochs: 240 },
      ...{ milestones: [150, 180, 210], factor: 0.1, warmUpEpochs: 0 },
      augment: { pad: 4, flip: true },
      optimizer: {
        ...{ name: 'sgd', learningRate: 0.05, momentum: 0.9, nesterov: false, weightDecay: 5e-4 },
      },
    },
    seeds: { init: 1, data: 1 },
  };
}
