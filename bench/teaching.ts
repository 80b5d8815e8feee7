import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { publishDigits } from '../stores/datasets.ts';
import { ROOT } from '../environment/root.ts';
import { computeCodeIndex } from '../learning/code.ts';
import { configureProcess } from '../learning/engine/environment.ts';
import { parseIndex } from '../learning/teaching/logits.ts';
import type { LogitsIndex } from '../leg/records.ts';
import { openFolderStore } from '../stores/folder.ts';
import type { ModelSpec } from '../study/schema.ts';
import { codeOf, codeUseOf } from '../study/code.ts';
import type { LegSpec, Trained, TeachSpec, TrainSpec } from '../study/spec.ts';
import { createRunner, type LegTime } from './runner.ts';

/** A network that teaches, and where its logits are cached. */
type Taught = Trained & { readonly logits?: string };

/** What a sweep of distilled students is trained on, and how long. */
export type TeachingPlan = {
  readonly images: number;
  readonly testImages: number;
  readonly epochs: number;
  readonly teacherEpochs: number;
  readonly batch: number;
  readonly threads: number;
};

/** Legs of teacher and students in this process, over a store in a folder of their own. */
export type Teaching = {
  /** Trains the teacher; it is what the rest is measured with. */
  teacher(): Promise<Taught>;
  teach(teacher: Taught): Promise<LegTime>;
  student(teacher: Taught, init: number): Promise<LegTime>;
  /** The index of a teach leg. */
  index(digest: string): Promise<LogitsIndex>;
  close(): Promise<void>;
};

const TEACHER: ModelSpec = { name: 'resnet56' };
const STUDENT: ModelSpec = { name: 'resnet20' };
const AUGMENT = { pad: 2, flip: false };
const DATA_SEED = 7;

/** Loads TensorFlow in this process. @throws KdxError Configuration where it is loaded already */
export async function openTeaching(plan: TeachingPlan): Promise<Teaching> {
  configureProcess({ threads: plan.threads });
  const folder = await mkdtemp(join(tmpdir(), 'kdx-bench-'));
  const store = openFolderStore(join(folder, 'store'));
  await store.ensureBucket();
  const digest = await publishDigits(store, ROOT);
  const specs = specsOf(plan, digest);
  const index = computeCodeIndex(ROOT);
  const runLeg = await createRunner(store, folder);
  const run = (spec: LegSpec) => runLeg({ ...spec, code: codeOf(index, codeUseOf(spec)) });
  return {
    teacher: async () => {
      const { result } = await run(specs.teacher);
      return { model: TEACHER, weights: result.files['weights']?.digest ?? '' };
    },
    teach: (teacher) => run(specs.teach(teacher)),
    student: (teacher, init) => run(specs.student(teacher, init)),
    index: async (logits) => parseIndex(await store.getBlob(logits), logits),
    close: () => rm(folder, { recursive: true }),
  };
}

/** The specs of the bench, but for their code. */
function specsOf(plan: TeachingPlan, digest: string) {
  const base = {
    device: { kind: 'cpu', threads: plan.threads, precision: 'float32' },
    engine: 'recorded',
    dataset: {
      name: 'digits',
      digest,
      preset: 'correct',
      split: { train: plan.images, validation: 0, test: plan.testImages },
    },
    code: '',
  } as const;
  const train = (epochs: number): TrainSpec['train'] => ({
    ...{
      epochs,
      batch: plan.batch,
      schedule: 'step',
      scale: true,
      publishedEpochs: 240,
      milestones: [150, 180, 210],
      factor: 0.1,
      warmUpEpochs: 0,
      augment: AUGMENT,
    },
    optimizer: {
      name: 'sgd',
      learningRate: 0.05,
      momentum: 0.9,
      nesterov: false,
      weightDecay: 5e-4,
    },
  });
  const teacher: TrainSpec = {
    ...base,
    kind: 'train',
    model: TEACHER,
    distillers: [{ name: 'ce', weight: 1 }],
    train: train(plan.teacherEpochs),
    seeds: { init: 1, data: 1 },
  };
  const seeds = { data: DATA_SEED };
  return {
    teacher,
    teach: ({ model, weights }: Taught): TeachSpec => ({
      ...{ ...base, kind: 'teach', seeds },
      ...{ teacher: { model, weights }, augment: AUGMENT, epochs: plan.epochs },
    }),
    student: (taught: Taught, init: number): TrainSpec => ({
      ...{ ...base, kind: 'train', model: STUDENT, teacher: taught },
      distillers: [
        { name: 'ce', weight: 0.1 },
        { name: 'kd', weight: 0.9, temperature: 4 },
      ],
      train: train(plan.epochs),
      seeds: { init, ...seeds },
    }),
  };
}
