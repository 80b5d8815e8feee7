import { infoOf } from '../../study/datasets.ts';
import { teacherOf } from '../../study/plan/teachers.ts';
import { trainOf } from '../../study/plan/exceptions.ts';
import { splitOf } from '../../study/plan/split.ts';
import type { Study } from '../../study/schema.ts';
import type { Train } from '../../study/train-schema.ts';
import { fixed } from '../format.ts';
import { quantity, type Prose, type Row, type Table } from '../page/content.ts';
import {
  PAIRS,
  PUBLISHED_METHODS,
  SOURCES,
  type PublishedMethod,
  type PublishedSource,
} from '../published.ts';
import type { StudentGroup } from '../trials.ts';
import { metricSamples, sampleCell } from './measures.ts';
import { groupLabel, lastTop1 } from './sweep.ts';

/** The dataset of all rows. */
const DATASET = 'cifar100';
/** Marks an accuracy whose protocol is not that of this study. */
const OTHER = '*';
const LIGHT = /^(?:mobilenet|shufflenet)/;
/** What all sources have in common, and a study may have otherwise. */
const COMMON = { momentum: 0.9, weightDecay: 5e-4, factor: 0.1, shares: '0.625,0.75,0.875' };

/**
 * Published accuracies beside those of the study, for pairs and methods that have some. One that was
 * made otherwise is marked, and the row says by what.
 */
export function publishedTable(study: Study, groups: readonly StudentGroup[]): Table {
  const rows = study.dataset.name === DATASET ? groups.flatMap(rowsOf(study, groups)) : [];
  return {
    id: 'published',
    caption: 'Published accuracies beside those of this study.',
    columns: [
      { label: 'Method' },
      { label: 'last epoch, %', numeric: true },
      { label: 'best on test, %', numeric: true, hint: 'optimistic: chosen by the test images' },
      { label: 'published, %', numeric: true },
      { label: 'by' },
      { label: 'made otherwise than here' },
    ],
    rows,
    notes: rows.length === 0 ? [] : [noteOf(study)],
  };
}

function noteOf(study: Study): Prose {
  const teachers = new Map<string, number>(PAIRS.map(([name, , top1]) => [name, top1]));
  const own = study.teachers.flatMap(({ id }) => {
    const model = modelOf(study, id) ?? '';
    const top1 = teachers.get(model);
    return top1 === undefined ? [] : [`${model} ${fixed(top1, 2)} %`];
  });
  return [
    `${OTHER} Made otherwise than here, as the last column says: such a number is no measure of this one. An accuracy that is the best of all test epochs belongs beside the column of the same name; it lies some 0.3 points above the last epoch’s. Teachers are not the same networks: published are ${own.join(', ')}.`,
  ];
}

/** The model of a teacher; one of ONNX has no name that anything is published under. */
function modelOf(study: Study, teacher: string | undefined): string | undefined {
  const { model } = teacherOf(study, teacher) ?? {};
  return model === undefined || 'onnx' in model ? undefined : model.name;
}

function rowsOf(study: Study, groups: readonly StudentGroup[]) {
  return (group: StudentGroup): readonly Row[] => {
    const teacher = modelOf(study, group.method.teacher);
    const student = study.sweep?.students.find(({ name }) => name === group.student);
    if (study.sweep === undefined || student === undefined) return [];
    const train = trainOf(study.sweep, { student, method: group.method });
    return PUBLISHED_METHODS.filter((method) => isSame(method, group, train)).flatMap((method) => {
      const pair = PAIRS.findIndex(([of, to]) => of === teacher && to === group.student);
      const top1 = method.top1[pair];
      if (top1 === undefined || top1 === null) return [];
      return [
        rowOf(group, groups, { method, top1, marks: marksOf(study, student.name, train, method) }),
      ];
    });
  };
}

/** Whether a method of the study is a published one: the same terms, without an add-on. */
function isSame(
  { terms, standardised = false, dot = false }: PublishedMethod,
  { method }: StudentGroup,
  { optimizer }: Train,
): boolean {
  const own = method.distillers.filter(({ name }) => name !== 'ce');
  const isStandardised = own.some(({ standardise }) => standardise === true);
  const hasDot = optimizer.name === 'sgd' && optimizer.dot !== undefined;
  return (
    method.vam === undefined &&
    own
      .map(({ name }) => name)
      .toSorted()
      .join() === terms.toSorted().join() &&
    isStandardised === standardised &&
    hasDot === (dot && terms.length > 0)
  );
}

/** What a published number was made by otherwise than this study, in words; none where nothing is known. */
export function marksOf(
  study: Study,
  student: string,
  train: Train,
  { source: name, before = 0 }: Pick<PublishedMethod, 'source' | 'before'>,
): readonly string[] {
  const source: PublishedSource = SOURCES[name];
  const { epoch, batch, also = [] } = source;
  const epochs = source.epochs + before;
  return [
    ...(epoch === 'last' ? [] : [epoch === 'unknown' ? 'epoch unknown' : `${epoch}`]),
    ...(train.epochs === epochs ? [] : [`${epochs} epochs`]),
    ...(train.batch === batch ? [] : [`batch ${batch}`]),
    ...optimizerMarks(source, student, train),
    ...dataMarks(study, train),
    ...also,
  ];
}

function optimizerMarks(
  { rate, lightRate, nesterov }: PublishedSource,
  student: string,
  { optimizer, schedule, milestones, publishedEpochs, factor, warmUpEpochs, scale, epochs }: Train,
): readonly string[] {
  if (optimizer.name !== 'sgd') return ['SGD'];
  const wanted = LIGHT.test(student) ? lightRate : rate;
  const shares = milestones.map((at) => at / publishedEpochs).join();
  const isStep = schedule === 'step' && factor === COMMON.factor && warmUpEpochs === 0;
  const isWhole = scale || epochs >= publishedEpochs;
  return [
    ...(optimizer.learningRate === wanted ? [] : [`rate ${wanted}`]),
    ...(optimizer.nesterov === nesterov ? [] : [nesterov ? 'Nesterov' : 'no Nesterov']),
    ...(optimizer.momentum === COMMON.momentum ? [] : [`momentum ${COMMON.momentum}`]),
    ...(optimizer.weightDecay === COMMON.weightDecay ? [] : [`weight decay ${COMMON.weightDecay}`]),
    ...(isStep && isWhole && shares === COMMON.shares ? [] : ['another schedule']),
  ];
}

function dataMarks(study: Study, { augment }: Train): readonly string[] {
  const { trainImages, testImages } = infoOf(study.dataset);
  const { train, test } = splitOf(study);
  const { precision } = study.device;
  return [
    ...(train === trainImages ? [] : [`${fixed(trainImages, 0)} images`]),
    ...(test === testImages ? [] : [`${fixed(testImages, 0)} test images`]),
    ...(study.dataset.preset === 'correct' ? [] : ['another normalisation']),
    ...(augment.pad === 4 && augment.flip ? [] : ['crops by 4 pixels and flips']),
    ...(precision === 'float32' ? [] : ['float32']),
  ];
}

type Found = {
  readonly method: PublishedMethod;
  readonly top1: number;
  readonly marks: readonly string[];
};

function rowOf(
  group: StudentGroup,
  groups: readonly StudentGroup[],
  { method, top1, marks }: Found,
): Row {
  const trials = group.seeds.map(({ seed, training }) => ({ seed, trial: training }));
  const best = metricSamples(trials, 'test.top1.best');
  const mark = marks.length === 0 ? '' : OTHER;
  return {
    head: [groupLabel(group, groups)],
    cells: [
      [sampleCell(lastTop1(group), { decimals: 2, what: 'test accuracy, last epoch' })],
      [
        sampleCell(best, {
          decimals: 2,
          what: 'best test accuracy of any epoch (optimistic)',
          tone: 'optimistic',
        }),
      ],
      [quantity(`${fixed(top1, 2)}${mark}`, [], 'the published value', 'published')],
      [SOURCES[method.source].name],
      [marks.length === 0 ? 'nothing that is known' : marks.join(', ')],
    ],
  };
}
