import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';
import sharp from 'sharp';

import { addImages } from '../../../cli/dataset/images/add.ts';
import { resolveWithStore } from '../../../cli/study/resolve.ts';
import { ROOT } from '../../../environment/root.ts';
import { computeCodeIndex } from '../../../learning/code.ts';
import { EXIT } from '../../../leg/outcome.ts';
import { bindTrial, expandStudy, handedOn } from '../../../study/plan/plan.ts';
import { writeTree } from '../../cli/dataset/images/samples.ts';
import { startLegWorld, type LegBucket, type LegWorld } from './world.ts';

let world: LegWorld;
test.before(async () => void (world = await startLegWorld()));
test.after.always(() => world.stop());

const COLOURS = { apple: '#c02020', leaf: '#20a030', sea: '#2040c0' } as const;

/** Photographs of noise over one colour a class: easy to tell apart, of odd sizes. */
async function photos(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-test-photos-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const files: Record<string, Uint8Array> = {};
  for (const [label, background] of Object.entries(COLOURS)) {
    for (let i = 0; i < 24; i += 1) {
      const [width, height] = [70 + i, 90 - i];
      const noise = { type: 'gaussian', mean: 128, sigma: 40 } as const;
      const grain = await sharp({ create: { width, height, channels: 3, background, noise } })
        .png()
        .toBuffer();
      files[`train/${label}/${i}.jpg`] = await sharp({
        create: { width, height, channels: 3, background },
      })
        .composite([{ input: grain, blend: 'soft-light' }])
        .jpeg()
        .toBuffer();
    }
  }
  return writeTree(folder, files);
}

const TRAIN = {
  ...{ epochs: 2, batch: 8, schedule: 'constant' },
  augment: { pad: 2, flip: true },
  optimizer: { name: 'sgd', learningRate: 0.02, weightDecay: 5e-4 },
} as const;

/** Trains and evaluates all of a study, leg by leg, as processes. Gives the metrics by trial. */
async function runStudy(t: ExecutionContext, { store, run, outcome }: LegBucket, input: unknown) {
  const { study, datasetDigest } = await resolveWithStore(store, input);
  const weights = new Map<string, string>();
  const metrics = new Map<string, Readonly<Record<string, number>>>();
  for (const node of expandStudy(study, { datasetDigest, code: computeCodeIndex(ROOT) })) {
    const { spec } = bindTrial(node, weights);
    const { code, log } = await run(spec);
    t.is(code, EXIT.done, JSON.stringify(log));
    const { result } = await outcome(spec);
    const handed = handedOn(node, result.files);
    if (handed !== undefined) weights.set(node.id, handed.digest);
    metrics.set(node.id, result.metrics);
  }
  return metrics;
}

const study = (name: string, more: object) => ({
  ...{ name: 'mine', dataset: { name }, seeds: { init: [1], data: [1] } },
  ...more,
});

test.serial('a student learns from a teacher on images of one’s own, resized to 32', async (t) => {
  const bucket = await world.bucket();
  const source = await photos(t);
  const options = { size: 32, validation: 0.25, tell: () => undefined };
  const { info } = await addImages(bucket.store, 'colours', source, options);
  t.like(info, { classes: 3, imageSize: 32, trainImages: 54, testImages: 18 });
  const metrics = await runStudy(
    t,
    bucket,
    study('colours', {
      teachers: [{ id: 'big', model: { name: 'resnet8' }, train: { ...TRAIN, epochs: 4 } }],
      teacher: { cache: 'logits' },
      sweep: {
        students: [{ name: 'resnet8' }],
        methods: [{ id: 'KD', distillers: [{ name: 'ce' }, { name: 'kd' }] }],
        train: { ...TRAIN, epochs: 4 },
      },
    }),
  );
  t.deepEqual(
    [...metrics.keys()],
    [
      ...['teacher/big', 'teacher/big/evaluation', 'teacher/big/teach/pad2-flip-e4/d1'],
      ...['sweep/resnet8/KD/s1', 'sweep/resnet8/KD/s1/evaluation'],
    ],
  );
  const { top1 = 0 } = metrics.get('sweep/resnet8/KD/s1/evaluation') ?? {};
  t.true(top1 > 60, `top-1 ${top1}, where chance is 33`);
});

test.serial('a tree of experts is trained and explained on images of 64 pixels', async (t) => {
  const bucket = await world.bucket();
  const options = { size: 64, validation: 0.25, tell: () => undefined };
  await addImages(bucket.store, 'large', await photos(t), options);
  const stage = { epochs: 1, batch: 8, augment: { pad: 2, flip: true } };
  const adam = { name: 'adam', learningRate: 0.002, gateLearningRate: 0.05 };
  const metrics = await runStudy(
    t,
    bucket,
    study('large', {
      explain: {
        model: { name: 'hme_ltb', width: 4, experts: [2, 3] },
        arms: ['hard-label'],
        stage1: { ...stage, optimizer: adam },
        stage2: { ...stage, optimizer: { name: 'sgd' } },
      },
    }),
  );
  const explanation = [...metrics].find(([id]) => id.endsWith('/explanation'));
  t.truthy(explanation);
  t.true(Number.isFinite(explanation?.[1]['top1']));
});
