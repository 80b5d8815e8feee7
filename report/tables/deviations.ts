import { infoOf } from '../../study/datasets.ts';
import { seedPairs } from '../../study/plan/plan.ts';
import type { Study } from '../../study/schema.ts';
import { SEEDS_FOR_A_VERDICT } from './compare.ts';
import type { Prose, Table } from '../page/content.ts';
import { counted, fixed, listed } from '../format.ts';

/** A choice of this study beside the published one. */
export type Deviation = {
  readonly what: string;
  readonly published: string;
  readonly here: string;
};

/** Training as published: KDExplainer's code for the explainer, RepDistiller's for the rest. */
export const PUBLISHED = {
  datasets: ['cifar10', 'cifar100'],
  datasetNames: 'CIFAR-10, CIFAR-100, Tiny-ImageNet',
  teacher: 'resnet50',
  objective: 'joint',
  explainer: { name: 'hme_ltb', width: 64, experts: [2, 4, 8] },
  network: { epochs: 240, batch: 64, optimizer: 'sgd', rate: 0.05, pad: 4, flip: true },
  stage1: { epochs: 300, batch: 128, optimizer: 'adam', rate: 0.05, pad: 4, flip: true },
  stage2: { epochs: 300, batch: 128, optimizer: 'sgd', rate: 0.05, pad: 4, flip: true },
  gateLearningRate: 0.01,
  weightDecay: 5e-4,
  temperature: 4,
  smoothing: 0.1,
  precision: 'float32',
} as const;

/** Wherever the study departs from the published set-up; how networks are trained is told beside. */
export function deviationsOf(study: Study): readonly Deviation[] {
  return [
    ...dataDeviations(study),
    ...study.teachers.flatMap((teacher) => {
      const model = networkOf(teacher);
      const label = `Teacher ${teacher.id}: network`;
      return model === undefined ? [] : differs(label, PUBLISHED.teacher, model);
    }),
    ...explainerDeviations(study),
    ...differs(
      'Precision of convolutions and products',
      PUBLISHED.precision,
      study.device.precision,
    ),
  ];
}

function networkOf(teacher: Study['teachers'][number]): string | undefined {
  if (!('import' in teacher)) return teacher.model.name;
  const { imported } = teacher;
  return imported === undefined || 'onnx' in imported ? imported && 'ONNX' : imported.model.name;
}

function differs(
  what: string,
  published: string | number,
  here: string | number,
): readonly Deviation[] {
  return published === here ? [] : [{ what, published: shown(published), here: shown(here) }];
}

function shown(value: string | number): string {
  return typeof value === 'number' && Number.isInteger(value) ? fixed(value, 0) : String(value);
}

/** Sizes are compared where the dataset is a published one; of another they are told. */
function dataDeviations({ dataset }: Study): readonly Deviation[] {
  const info = infoOf(dataset);
  const { validation, train, test } = dataset.split;
  const published: readonly string[] = PUBLISHED.datasets;
  if (!published.includes(dataset.name)) {
    return differs('Dataset', PUBLISHED.datasetNames, dataset.name);
  }
  return [
    ...differs('Training images', info.trainImages, train ?? info.trainImages - validation),
    ...differs('Test images', info.testImages, test ?? info.testImages),
    ...('paper' in info.presets ? differs('Normalisation', 'paper', dataset.preset) : []),
  ];
}

function explainerDeviations({ explain }: Study): readonly Deviation[] {
  if (explain === undefined) return [];
  const { name, width, experts } = PUBLISHED.explainer;
  const reconstructed = `${explain.model.name}, our reconstruction of the paper’s figure`;
  return [
    ...differs('Explainer: network', name, explain.model.name === name ? name : reconstructed),
    ...differs('Explainer: channels of an expert', width, explain.model.width ?? width),
    ...differs(
      'Explainer: experts per level',
      experts.join(', '),
      (explain.model.experts ?? experts).join(', '),
    ),
    ...differs('Explainer: objective', PUBLISHED.objective, explain.objective),
    ...differs(
      'Explainer: temperature of distillation',
      PUBLISHED.temperature,
      explain.temperature,
    ),
    ...differs('Explainer: label smoothing', PUBLISHED.smoothing, explain.smoothing),
  ];
}

/** Seeds are held against what a claim needs. */
function seedNotes(study: Study): readonly Prose[] {
  const pairs = seedPairs(study.seeds).length;
  const seeds = [
    ...(study.explain === undefined
      ? []
      : [`${counted(Math.min(pairs, study.explain.seeds), 'seed')} for an explainer`]),
    ...(study.sweep === undefined ? [] : [`${counted(pairs, 'seed')} for a student`]),
  ];
  if (seeds.length === 0) return [];
  return [[`Here: ${listed(seeds)}. A verdict needs ${SEEDS_FOR_A_VERDICT} seeds.`]];
}

export function deviationsTable(study: Study): Table {
  return {
    id: 'deviations',
    caption: 'Where else this study departs from the published set-up.',
    columns: [
      { label: 'What' },
      { label: 'published', numeric: true },
      { label: 'here', numeric: true },
    ],
    rows: deviationsOf(study).map(({ what, published, here }) => ({
      head: [what],
      cells: [[published], [here]],
    })),
    notes: seedNotes(study),
  };
}
