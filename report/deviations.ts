import { DATASETS } from '../study/datasets.ts';
import { seedPairs } from '../study/plan.ts';
import type { Study, Train } from '../study/schema.ts';
import { SEEDS_FOR_A_VERDICT } from './compare.ts';
import type { Table } from './content.ts';
import { fixed } from './format.ts';

/** A choice of this study beside the published one. */
export type Deviation = {
  readonly what: string;
  readonly published: string;
  readonly here: string;
};

/** Training as published: KDExplainer's code for the explainer, RepDistiller's for the rest. */
const PUBLISHED = {
  datasets: ['cifar10', 'cifar100'],
  teacher: 'resnet50',
  explainer: { width: 64, experts: [2, 4, 8] },
  network: { epochs: 240, batch: 64, optimizer: 'sgd', rate: 0.05, pad: 4, flip: true },
  stage1: { epochs: 300, batch: 128, optimizer: 'adam', rate: 0.05, pad: 4, flip: true },
  stage2: { epochs: 300, batch: 128, optimizer: 'sgd', rate: 0.05, pad: 4, flip: true },
  gateLearningRate: 0.01,
  weightDecay: 5e-4,
  temperature: 4,
  smoothing: 0.1,
} as const;

type PublishedTrain = (typeof PUBLISHED)['network' | 'stage1' | 'stage2'];

/** Wherever the study departs from the published protocol, found by comparing the two. */
export function deviationsOf(study: Study): readonly Deviation[] {
  return [
    ...dataDeviations(study),
    ...study.teachers.flatMap(({ id, model, train }) => [
      ...differs(`Teacher ${id}: network`, PUBLISHED.teacher, model.name),
      ...trainDeviations(`Teacher ${id}`, train, PUBLISHED.network),
    ]),
    ...explainerDeviations(study),
    ...(study.sweep === undefined
      ? []
      : trainDeviations('Students', study.sweep.train, PUBLISHED.network)),
    ...seedDeviations(study),
  ];
}

function differs(
  what: string,
  published: string | number | boolean,
  here: string | number | boolean,
): readonly Deviation[] {
  return published === here ? [] : [{ what, published: shown(published), here: shown(here) }];
}

function shown(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'number' && Number.isInteger(value) ? fixed(value, 0) : String(value);
}

function dataDeviations({ dataset }: Study): readonly Deviation[] {
  const info = DATASETS[dataset.name];
  const { validation, train, test } = dataset.split;
  const published: readonly string[] = PUBLISHED.datasets;
  return [
    ...(published.includes(dataset.name)
      ? []
      : differs('Dataset', 'cifar10, cifar100, Tiny-ImageNet', dataset.name)),
    ...differs('Training images', info.trainImages, train ?? info.trainImages - validation),
    ...differs('Test images', info.testImages, test ?? info.testImages),
    ...('paper' in info.presets ? differs('Normalisation', 'paper', dataset.preset) : []),
  ];
}

function trainDeviations(
  who: string,
  train: Train,
  published: PublishedTrain,
): readonly Deviation[] {
  const { optimizer, augment } = train;
  return [
    ...differs(`${who}: epochs`, published.epochs, train.epochs),
    ...differs(`${who}: batch`, published.batch, train.batch),
    ...differs(`${who}: optimiser`, published.optimizer, optimizer.name),
    ...differs(`${who}: learning rate`, published.rate, optimizer.learningRate),
    ...differs(`${who}: weight decay`, PUBLISHED.weightDecay, optimizer.weightDecay),
    ...(optimizer.name === 'adam'
      ? differs(
          `${who}: learning rate of gates`,
          PUBLISHED.gateLearningRate,
          optimizer.gateLearningRate,
        )
      : []),
    ...differs(`${who}: padding before the crop, pixels`, published.pad, augment.pad),
    ...differs(`${who}: flips`, published.flip, augment.flip),
    ...(train.scale ? [] : differs(`${who}: schedule stretched to the run`, true, false)),
  ];
}

function explainerDeviations({ explain }: Study): readonly Deviation[] {
  if (explain === undefined) return [];
  const { width, experts } = PUBLISHED.explainer;
  return [
    ...differs('Explainer: channels of an expert', width, explain.model.width ?? width),
    ...differs(
      'Explainer: experts per level',
      experts.join(', '),
      (explain.model.experts ?? experts).join(', '),
    ),
    ...differs(
      'Explainer: temperature of distillation',
      PUBLISHED.temperature,
      explain.temperature,
    ),
    ...differs('Explainer: label smoothing', PUBLISHED.smoothing, explain.smoothing),
    ...trainDeviations('Explainer, soft stage', explain.stage1, PUBLISHED.stage1),
    ...trainDeviations('Explainer, hard stage', explain.stage2, PUBLISHED.stage2),
  ];
}

/** Seeds are held against what a claim needs, not against the single seed that was published. */
function seedDeviations(study: Study): readonly Deviation[] {
  const pairs = seedPairs(study.seeds).length;
  const few = (what: string, here: number): readonly Deviation[] =>
    here >= SEEDS_FOR_A_VERDICT
      ? []
      : [{ what, published: `${SEEDS_FOR_A_VERDICT} for a verdict`, here: String(here) }];
  return [
    ...(study.sweep === undefined ? [] : few('Students: seeds', pairs)),
    ...(study.explain === undefined
      ? []
      : few('Explainer: seeds', Math.min(pairs, study.explain.seeds))),
  ];
}

export function deviationsTable(study: Study): Table {
  return {
    id: 'deviations',
    caption: 'Where this study departs from the published protocol.',
    columns: [
      { label: 'What' },
      { label: 'published', numeric: true },
      { label: 'here', numeric: true },
    ],
    rows: deviationsOf(study).map(({ what, published, here }) => ({
      head: [what],
      cells: [[published], [here]],
    })),
    notes: [],
  };
}
