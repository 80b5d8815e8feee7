import { infoOf } from '../../study/datasets.ts';
import { cellsOf, trainOf, type Cell } from '../../study/plan/exceptions.ts';
import { seedPairs } from '../../study/plan/plan.ts';
import type { Study } from '../../study/schema.ts';
import type { Train } from '../../study/train-schema.ts';
import { quantity, type Prose, type Row, type Table } from '../page/content.ts';
import { PUBLISHED } from './deviations.ts';
import { fixed, listed } from '../format.ts';

/** A no-break space: a product is not broken over lines. */
const TIE = '\u00a0';

const SCHEDULES: Readonly<Record<Train['schedule'], (train: Train) => string>> = {
  step: ({ factor, milestones, publishedEpochs }) => {
    const shares = milestones.map((at) => String((100 * at) / publishedEpochs));
    return `×${factor} at ${shares.join(', ')} %`;
  },
  cosine: () => 'half a cosine',
  constant: () => 'constant',
  'explainer-soft': () => 'warm-up, then linear decay',
  'explainer-hard': () => 'halved every tenth',
};

/** How the rate goes over the run, in words. */
function rateText(train: Train): string {
  const { schedule, warmUpEpochs, publishedEpochs } = train;
  const text = SCHEDULES[schedule](train);
  return warmUpEpochs === 0
    ? text
    : `${warmUpEpochs} of ${publishedEpochs} epochs warm-up, then ${text}`;
}

type PublishedTrain = (typeof PUBLISHED)['network' | 'stage1' | 'stage2'];
type Training = {
  readonly label: string;
  readonly train: Train;
  readonly published: PublishedTrain;
};

/** The kinds of training of a study, each with what was published for it. */
function trainingsOf({ explain, sweep, teachers }: Study): readonly Training[] {
  return [
    ...teachers.flatMap((teacher) =>
      'import' in teacher
        ? []
        : [
            {
              label: `Teacher ${teacher.id}`,
              train: teacher.train,
              published: PUBLISHED.network,
            },
          ],
    ),
    ...(explain === undefined
      ? []
      : [
          { label: 'Explainer, soft', train: explain.stage1, published: PUBLISHED.stage1 },
          { label: 'Explainer, hard', train: explain.stage2, published: PUBLISHED.stage2 },
        ]),
    ...(sweep === undefined ? [] : trainingsOfSweep(sweep)),
  ];
}

type Sweep = NonNullable<Study['sweep']>;

/** The trainings of students: the ordinary one, and those that are exceptions. */
function trainingsOfSweep(sweep: Sweep): readonly Training[] {
  const ordinary = JSON.stringify(sweep.train);
  const alike = new Map<string, Cell[]>();
  for (const cell of cellsOf(sweep)) {
    const train = JSON.stringify(trainOf(sweep, cell));
    alike.set(train, [...(alike.get(train) ?? []), cell]);
  }
  return [...alike].map(([train, cells]) => ({
    label: train === ordinary ? 'Students' : `Students: ${cellsText(sweep, cells)}`,
    train: JSON.parse(train) as Train,
    published: PUBLISHED.network,
  }));
}

/** Students and methods of some cells, as far as they are not all. */
function cellsText({ students, methods }: Sweep, cells: readonly Cell[]): string {
  const own = [...new Set(cells.map(({ student }) => student.name))];
  const by = [...new Set(cells.map(({ method }) => method.id))];
  const parts = [
    ...(own.length === students.length ? [] : [own.join(', ')]),
    ...(by.length === methods.length ? [] : [`by ${by.join(', ')}`]),
  ];
  return parts.join(' ') || 'all';
}

/** How each kind of network was trained, and where that is not as published. */
export function protocolTable(study: Study): Table {
  const trainings = trainingsOf(study);
  const row = (label: string, cell: (training: Training) => Prose): Row => ({
    head: [label],
    cells: trainings.map(cell),
  });
  return {
    id: 'protocol',
    caption: 'How the networks were trained.',
    columns: [
      { label: 'Setting' },
      ...trainings.map(({ label }) => ({ label, numeric: true as const })),
    ],
    rows: [
      row('Epochs', ({ train, published }) => setting(train.epochs, published.epochs)),
      row('Batch, images', ({ train, published }) => setting(train.batch, published.batch)),
      row('Optimiser', ({ train, published }) =>
        setting(optimizerText(train.optimizer), OPTIMIZERS[published.optimizer]),
      ),
      row('Learning rate', ({ train, published }) =>
        setting(train.optimizer.learningRate, published.rate),
      ),
      row('… of the gates', ({ train: { optimizer } }) =>
        optimizer.name === 'adam'
          ? setting(optimizer.gateLearningRate, PUBLISHED.gateLearningRate)
          : [],
      ),
      row('… over the run', ({ train }) => [rateText(train)]),
      row('Weight decay', ({ train }) =>
        setting(train.optimizer.weightDecay, PUBLISHED.weightDecay),
      ),
      row('Padding before the crop, px', ({ train, published }) =>
        setting(train.augment.pad, published.pad),
      ),
      row('Flips', ({ train, published }) =>
        setting(train.augment.flip ? 'yes' : 'no', published.flip ? 'yes' : 'no'),
      ),
    ],
    notes: [
      [
        'In brackets: the published value, where it is another one. Schedules are the published ones, stretched to the run.',
        ...trainings
          .filter(({ train }) => !train.scale)
          .map(({ label }) => ` That of ${label} is not stretched.`),
      ],
    ],
  };
}

/** What options of losses are called in formulas. */
const SYMBOLS: Readonly<Record<string, string>> = { temperature: 'T', smoothing: 'ε' };

const OPTIMIZERS = { sgd: 'SGD', adam: 'Adam' } as const;

/** An optimiser, with what it has on top. */
function optimizerText(optimizer: Train['optimizer']): string {
  const name = OPTIMIZERS[optimizer.name];
  if (optimizer.name === 'adam') return name;
  const extras = [
    ...(optimizer.nesterov ? ['Nesterov'] : []),
    ...(optimizer.dot === undefined ? [] : [`DOT, Δ${TIE}=${TIE}${optimizer.dot}`]),
  ];
  return [name, ...extras].join(', ');
}

function setting(here: string | number, published: string | number): Prose {
  return here === published
    ? [String(here)]
    : [`${here} `, quantity(`(${published})`, [], 'the published value', 'published')];
}

/** The data, the seeds and the methods in words. */
export function protocolProse(study: Study): Prose {
  const { dataset, seeds, sweep } = study;
  const info = infoOf(dataset);
  const { validation, train, test } = dataset.split;
  const held = validation === 0 ? '' : `, ${fixed(validation, 0)} for validation`;
  const pairs = seedPairs(seeds).map(({ init, data }) =>
    init === data ? `${init}` : `${init}/${data}`,
  );
  const methods = (sweep?.methods ?? []).map(({ id, distillers, vam }) => {
    const terms = distillers.map(({ name, weight, ...options }) => {
      const details = Object.entries(options).map(([option, value]) => {
        return `${SYMBOLS[option] ?? option}${TIE}=${TIE}${JSON.stringify(value)}`;
      });
      const base = `${weight}${TIE}·${TIE}${name.toUpperCase()}`;
      return details.length === 0 ? base : `${base} (${details.join(', ')})`;
    });
    const block =
      vam === undefined
        ? ''
        : ` with VAM in blocks of ${vam.block}, γ${TIE}=${TIE}${vam.entropyWeight}`;
    return `${id} = ${terms.join(' + ')}${block}`;
  });
  return [
    `Dataset ${dataset.name}, normalisation “${dataset.preset}”: ${fixed(train ?? info.trainImages - validation, 0)} images to train on${held}, ${fixed(test ?? info.testImages, 0)} to test. Seeds ${listed(pairs)}.`,
    methods.length === 0 ? '' : ` Losses: ${methods.join('; ')}.`,
    ' The last epoch is what counts; a diverged run is counted as lost and never trained again.',
  ];
}
