import type { EpochRecord } from '../../leg/records.ts';
import type { Checkpoint, Result, RunRecord } from '../../leg/result.ts';
import type { TrainSpec } from '../../leg/spec.ts';
import { digestJson } from '../../study/canonical.ts';

const digest = (letter: string) => letter.repeat(64);

/** The spec of a small training; a seed of its own makes a key of its own. */
export function sampleSpec(init: number): TrainSpec {
  return {
    kind: 'train',
    device: { kind: 'cpu', threads: 1, precision: 'float32' },
    engine: 'eager',
    dataset: {
      name: 'digits',
      digest: digest('d'),
      preset: 'digits',
      split: { train: 3000, validation: 1000, test: 1000 },
    },
    code: digest('c'),
    model: { name: 'resnet8' },
    distillers: [{ name: 'kd', weight: 0.9, temperature: 4 }],
    train: {
      epochs: 4,
      batch: 64,
      optimizer: {
        name: 'sgd',
        learningRate: 0.05,
        momentum: 0.9,
        nesterov: false,
        weightDecay: 0.0005,
      },
      schedule: 'step',
      scale: true,
      publishedEpochs: 240,
      milestones: [150, 180, 210],
      factor: 0.1,
      warmUpEpochs: 0,
      augment: { pad: 2, flip: false },
    },
    seeds: { init, data: 7 },
  };
}

export function sampleResult(init: number, status: Result['status'] = 'complete'): Result {
  const spec = sampleSpec(init);
  return {
    schema: 1,
    key: digestJson(spec),
    spec,
    status,
    ...(status === 'diverged' ? { diverged: { epoch: 1, step: 3 } } : {}),
    metrics: { 'test.top1.last': 97.25, 'loss.last': 0.125 },
    files: {
      weights: { digest: digest('a'), bytes: 1000 },
      epochs: { digest: digest('b'), bytes: 100 },
    },
  };
}

export function sampleRun(key: string, launch = 0): RunRecord {
  return {
    schema: 1,
    key,
    process: `process-${launch}`,
    study: 'digits',
    trial: 'sweep/resnet8/KD/s1029',
    launch,
    outcome: 'done',
    startedAt: `2026-11-24T04:0${launch}:00.000Z`,
    seconds: 30,
    imagesPerSecond: 900,
    inputSeconds: 0.25,
    peakBytes: 400_000_000,
    peakDeviceBytes: (launch + 1) * 2 ** 30,
    deviceClass: { kind: 'cpu', model: 'Xeon', threads: 1, tensorflow: '2.21.0' },
    host: 'laptop',
    code: digest('c'),
  };
}

export function sampleEpochs(count: number): readonly EpochRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    epoch: i + 1,
    learningRate: 0.05,
    loss: 1 / (i + 1),
    terms: { kd: 0.5 / (i + 1) },
    trainTop1: 80 + i,
    validation: { top1: 81 + i, nll: 0.5 },
    test: { top1: 82 + i, nll: 0.4 },
    gates: [{ level: 2, intrinsic: 0.9, asTrained: 0.5 }],
  }));
}

export function sampleCheckpoint(
  key: string,
  epoch: number,
  step: number,
  state: string,
): Checkpoint {
  return {
    schema: 1,
    key,
    epoch,
    step,
    deviceClass: { kind: 'cpu', model: 'Xeon', threads: 1, tensorflow: '2.21.0' },
    files: { state: { digest: state, bytes: 10 } },
  };
}
